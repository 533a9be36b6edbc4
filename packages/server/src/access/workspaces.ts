import { type ExtraFields, limits, SwitchboardError, type Workspace } from '@switchboard/contract'
import { uuidv7 } from 'uuidv7'
import type { Clock } from '../clock.js'
import type { Store } from '../log/log.js'
import { nameError, refuseIf, slugError } from './asked.js'
import { type Opened, openRecords, type RecordKind } from './live-records.js'

export interface NewWorkspace {
  readonly name: string
  readonly slug: string
  /** What happens to fields the catalogue does not know. Default: `refuse`. */
  readonly extraFields?: ExtraFields | undefined
}

/** The tenants of a deployment. */
export interface Workspaces {
  /**
   * Durable when resolved.
   * @throws SwitchboardError `invalid_request`, `conflict` when the slug is taken.
   */
  create(asked: NewWorkspace): Promise<Workspace>
  get(id: string): Workspace | undefined
  /** Like `get`, and asks what other processes have made before it says that there is none. */
  find(id: string): Promise<Workspace | undefined>
  bySlug(slug: string): Workspace | undefined
  /** What happens to fields the catalogue does not know: for a workspace that is not known here, `refuse`. */
  extraFieldsOf(id: string): ExtraFields
  /** Resolves when all is known that other processes have changed before the call, secrets of workspaces included. */
  refresh(): Promise<void>
  /** In the order they were created. */
  list(): Promise<readonly Workspace[]>
}

/** Kept under their slugs, so that one write both creates a workspace and takes its slug: no two can share one. */
export const workspaceKind: RecordKind<Workspace> = {
  kind: 'workspace',
  write: ({ id, name, extra_fields, created_at }) => ({ id, name, extra_fields, created_at }),
  read(slug, { id, name, extra_fields, created_at }) {
    if (typeof id !== 'string' || typeof name !== 'string' || typeof created_at !== 'string') return undefined
    return { id, name, slug, extra_fields: extra_fields === 'pass' ? 'pass' : 'refuse', created_at }
  },
}

export async function openWorkspaces(
  store: Store,
  clock: Clock,
  warn: (line: string) => void,
): Promise<Workspaces & Opened> {
  const byId = new Map<string, Workspace>()
  const records = await openRecords(store, workspaceKind, {
    warn,
    changed(_, before, after) {
      if (before !== undefined) byId.delete(before.id)
      if (after !== undefined) byId.set(after.id, after)
    },
  })
  return {
    async create({ name, slug, extraFields = 'refuse' }) {
      const known = extraFields === 'refuse' || extraFields === 'pass'
      const wrong = known ? undefined : { path: '/extra_fields', message: 'must be refuse or pass' }
      refuseIf([nameError(name), slugError(slug), wrong])
      await store.refresh()
      if (records.size >= limits.workspacesMax) {
        throw new SwitchboardError(
          'invalid_request',
          `This deployment has its maximum of ${limits.workspacesMax} workspaces.`,
        )
      }
      const created_at = new Date(clock.now()).toISOString()
      const workspace: Workspace = { id: uuidv7(), name, slug, extra_fields: extraFields, created_at }
      if (await records.put(slug, workspace, { ifAbsent: true })) return workspace
      throw new SwitchboardError('conflict', `The slug ${slug} is taken by another workspace.`)
    },
    get: (id) => byId.get(id),
    async find(id) {
      const known = byId.get(id)
      if (known !== undefined) return known
      await store.refresh()
      return byId.get(id)
    },
    bySlug: (slug) => records.get(slug),
    extraFieldsOf: (id) => byId.get(id)?.extra_fields ?? 'refuse',
    refresh: () => store.refresh(),
    async list() {
      await store.refresh()
      return [...byId.values()].sort(byCreation)
    },
    count: () => records.size,
    close: records.close,
  }
}

function byCreation(a: Workspace, b: Workspace): number {
  return a.created_at === b.created_at ? compare(a.id, b.id) : compare(a.created_at, b.created_at)
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
