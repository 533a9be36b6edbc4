import { type JsonObject, limits, SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import type { Store } from '../log/log.js'
import { refuseIf, secretNameError } from './asked.js'
import { authorize } from './authorize.js'
import { createTurns } from './in-turn.js'
import { type Opened, openRecords, type RecordKind } from './live-records.js'
import type { Principal } from './principal.js'
import type { Seal } from './sealing.js'

/** What may be told of a secret. */
export interface SecretInfo {
  /** What was set beside it and is none, such as the service whose calls it signs. */
  readonly about: JsonObject
  /** Unix ms when it was last set. */
  readonly updatedAt: number
}

export interface Secret extends SecretInfo {
  /** For checking signatures with, and for nothing else: never to be answered, logged or put in an error. */
  readonly value: string
}

/** Named secrets of workspaces, for sources whose webhooks are signed. Sealed where they are kept. */
export interface Secrets {
  /**
   * Sets or replaces a secret.
   * @param about Small, and no secret: it is kept in clear text and may be shown.
   * @throws SwitchboardError `forbidden` without `keys:manage`, `invalid_request`.
   */
  put(principal: Principal, workspace: string, name: string, value: string, about?: JsonObject): Promise<SecretInfo>
  /**
   * For the server's own use: no permission is asked for.
   * @throws SwitchboardError `storage_fault` when it is there and the sealing key does not open it.
   */
  get(workspace: string, name: string): Secret | undefined
  /** What may be shown. @throws SwitchboardError `forbidden` without `keys:manage`. */
  describe(principal: Principal, workspace: string, name: string): Promise<SecretInfo | undefined>
  /** False when there was none. @throws SwitchboardError `forbidden` without `keys:manage`. */
  delete(principal: Principal, workspace: string, name: string): Promise<boolean>
}

interface SecretRecord extends SecretInfo {
  readonly sealed: string
}

export const secretKind: RecordKind<SecretRecord> = {
  kind: 'secret',
  write: ({ sealed, about, updatedAt }) => ({ sealed, about, updated_at: updatedAt }),
  read(_, { sealed, about, updated_at }) {
    if (typeof sealed !== 'string' || typeof updated_at !== 'number') return undefined
    return { sealed, about: isObject(about) ? about : {}, updatedAt: updated_at }
  },
}

export async function openSecrets(
  store: Store,
  clock: Clock,
  seal: Seal,
  warn: (line: string) => void,
): Promise<Secrets & Opened> {
  const inTurn = createTurns()
  const records = await openRecords(store, secretKind, { warn })

  return {
    async put(principal, workspace, name, value, about = {}) {
      authorize(principal, workspace, 'keys:manage')
      refuseIf([secretNameError(name), valueError(value)])
      const key = placeOf(workspace, name)
      return inTurn(async () => {
        await store.refresh()
        if (records.get(key) === undefined && countIn(workspace) >= limits.secretsPerWorkspaceMax) {
          const detail = `The workspace has its maximum of ${limits.secretsPerWorkspaceMax} secrets. Delete one first.`
          throw new SwitchboardError('invalid_request', detail)
        }
        const updatedAt = clock.now()
        await records.put(key, { sealed: seal.close(key, value), about, updatedAt })
        return { about, updatedAt }
      })
    },

    get(workspace, name) {
      const key = placeOf(workspace, name)
      const record = records.get(key)
      if (record === undefined) return undefined
      const value = seal.open(key, record.sealed)
      if (value !== undefined) return { value, about: record.about, updatedAt: record.updatedAt }
      const detail = `The secret ${name} cannot be opened: the sealing key was lost or replaced. Set the secret again.`
      throw new SwitchboardError('storage_fault', detail)
    },

    async describe(principal, workspace, name) {
      authorize(principal, workspace, 'keys:manage')
      await store.refresh()
      const record = records.get(placeOf(workspace, name))
      return record && { about: record.about, updatedAt: record.updatedAt }
    },

    async delete(principal, workspace, name) {
      authorize(principal, workspace, 'keys:manage')
      return inTurn(() => records.delete(placeOf(workspace, name)))
    },

    count: () => records.size,
    close: records.close,
  }

  function countIn(workspace: string): number {
    let count = 0
    for (const key of records.keys()) if (key.startsWith(placeOf(workspace, ''))) count += 1
    return count
  }
}

/** Where a secret is kept, and the only place where it opens. Ids of workspaces hold no slash. */
function placeOf(workspace: string, name: string): string {
  return `${workspace}/${name}`
}

function valueError(value: unknown): { path: string; message: string } | undefined {
  const bytes = typeof value === 'string' ? Buffer.byteLength(value) : 0
  if (bytes >= 1 && bytes <= limits.secretBytesMax) return undefined
  return { path: '/value', message: `must be a text of 1 to ${limits.secretBytesMax} bytes` }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
