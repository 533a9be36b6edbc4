import type { Switchboard } from '@switchboard/sdk'
import { createContext, useContext, useSyncExternalStore } from 'react'
import type { Feed } from './stores/feed.js'
import type { Readable } from './stores/store.js'
import type { WorkspaceSnapshot, WorkspaceStore } from './stores/workspace-store.js'

/** What every page has: the client, the one live stream, and the present of the workspace. */
export interface Desk {
  readonly switchboard: Switchboard
  readonly workspaceId: string
  readonly feed: Feed
  readonly workspace: WorkspaceStore
}

export const DeskContext = createContext<Desk | undefined>(undefined)

export function useDesk(): Desk {
  const desk = useContext(DeskContext)
  if (desk === undefined) throw new Error('useDesk: there is no session around this page')
  return desk
}

export function useStore<Snapshot>(store: Readable<Snapshot>): Snapshot {
  return useSyncExternalStore(store.subscribe, store.get)
}

export function useWorkspace(): WorkspaceSnapshot {
  return useStore(useDesk().workspace)
}
