import type { CallState, DataSourceState, OperatorState, SurfaceState } from '@switchboard/contract/state'
import {
  listCalls,
  listDataSources,
  listOperators,
  listSurfaces,
  type Switchboard,
  type WorkspaceState,
} from '@switchboard/sdk'

/** The records of a workspace's state, by the name of their list. */
export interface Records {
  readonly calls: CallState
  readonly operators: OperatorState
  readonly surfaces: SurfaceState
  readonly sources: DataSourceState
}

export type RecordName = keyof Records

export interface RecordPage<Name extends RecordName> {
  readonly records: readonly Records[Name][]
  /** What was folded into these records. */
  readonly position: string
  /** For the next page; undefined on the last. */
  readonly next: string | undefined
}

/** Which list, and which calls of theirs. */
export interface RecordsAsked<Name extends RecordName> {
  readonly name: Name
  readonly status?: 'active' | 'ended'
  readonly endedSince?: Date
}

/** How a workspace's state is read: most of it at once, and the rest of a large one list by list. */
export interface StateReader {
  get(): Promise<WorkspaceState>
  page<Name extends RecordName>(list: RecordsAsked<Name>, token: string | undefined): Promise<RecordPage<Name>>
}

const LISTS = { calls: listCalls, operators: listOperators, surfaces: listSurfaces, sources: listDataSources }
const PAGE_SIZE = 100

export function stateReader(switchboard: Switchboard, workspaceId: string): StateReader {
  return {
    get: () => switchboard.state.get(),
    async page({ name, status, endedSince }, token) {
      const query = {
        limit: PAGE_SIZE,
        ...(status && { status }),
        ...(endedSince && { ended_since: endedSince.toISOString() }),
        ...(token !== undefined && { continuation_token: token }),
      }
      const path = { workspace_id: workspaceId }
      const { data } = await LISTS[name]({ client: switchboard.rest, path, query, throwOnError: true })
      const { items, position, has_more, continuation_token } = data
      return {
        records: items as unknown as readonly Records[typeof name][],
        position: position ?? '',
        next: has_more ? (continuation_token ?? undefined) : undefined,
      }
    },
  }
}
