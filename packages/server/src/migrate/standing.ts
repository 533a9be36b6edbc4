import { hostname } from 'node:os'
import { SwitchboardError, type Workspace } from '@switchboard/contract'
import { workspaceKind } from '../access/workspaces.js'
import type { Store } from '../log/log.js'

/** A note that a workspace is being moved: whoever finds it goes on, or begins anew. */
const KIND = 'migration'

/** How a workspace stands at the target. */
export type Standing =
  | 'new'
  /** A run was broken off before everything was there. */
  | 'unfinished'
  /** Everything is there, and a run was broken off before it took its note away. */
  | 'complete'

/**
 * @param slug What it will be called there.
 * @throws SwitchboardError `conflict` when it is there already, or its slug is taken.
 */
export async function standingOf(store: Store, { id }: Workspace, slug: string): Promise<Standing> {
  const workspaces = (await store.all(workspaceKind.kind)).flatMap(({ key, value }) => {
    const workspace = workspaceKind.read(key, value)
    return workspace ? [workspace] : []
  })
  const isNoted = (await store.all(KIND)).some(({ key }) => key === id)
  const there = workspaces.find((each) => each.id === id)
  if (there && isNoted) return 'complete'
  if (there) {
    throw new SwitchboardError(
      'conflict',
      `the workspace ${there.slug} (${id}) is at the target already, and in use there`,
    )
  }
  if (workspaces.some((each) => each.slug === slug)) {
    throw new SwitchboardError(
      'conflict',
      `the slug ${slug} is taken by another workspace of the target: give this one another with --slug`,
    )
  }
  return isNoted ? 'unfinished' : 'new'
}

export async function noteBegin(store: Store, { id }: Workspace, dir: string, now: number): Promise<void> {
  await store.put(KIND, id, { from: dir, host: hostname(), since: new Date(now).toISOString() }, { ifAbsent: true })
}

export async function noteEnd(store: Store, { id }: Workspace): Promise<void> {
  await store.delete(KIND, id)
}
