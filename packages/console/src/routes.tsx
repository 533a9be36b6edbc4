import type { ComponentType } from 'react'
import { CallsPage } from './pages/calls.js'
import { KeysPage } from './pages/keys.js'
import { LivePage } from './pages/live.js'
import { OperatorsPage } from './pages/operators.js'
import { PipelinesPage } from './pages/pipelines.js'
import { StreamsPage } from './pages/streams.js'
import { SurfacesPage } from './pages/surfaces.js'
import { TryItPage } from './pages/try-it.js'
import { countCalls } from './stores/calls-view.js'
import { groupSources } from './stores/pipelines-view.js'
import { waitingForReview } from './stores/surfaces-view.js'
import type { WorkspaceSnapshot } from './stores/workspace-store.js'

/** A few characters, and whether they tell of who needs a person, of what fails, or of what merely is. */
export interface Badge {
  readonly text: string
  readonly tone: 'waiting' | 'failing' | 'muted'
}

export interface PageRoute {
  readonly path: string
  readonly name: string
  readonly Page: ComponentType
  /** False for pages that a key without `events:read` may use. */
  readonly needsState: boolean
  /** What stands beside the name in the sidebar. */
  readonly badge?: (workspace: WorkspaceSnapshot) => Badge | undefined
}

/** Every page there is, in the sidebar's order. The first is where `/console/` leads. */
export const routes: readonly PageRoute[] = [
  {
    path: '/calls',
    needsState: true,
    name: 'Calls',
    Page: CallsPage,
    badge: ({ calls }) => {
      const { waiting, live } = countCalls(calls)
      if (waiting > 0) return { text: `▲ ${waiting} waiting`, tone: 'waiting' }
      return live > 0 ? { text: live.toLocaleString(), tone: 'muted' } : undefined
    },
  },
  { path: '/live', needsState: true, name: 'Live', Page: LivePage },
  {
    path: '/surfaces',
    needsState: true,
    name: 'Surfaces',
    Page: SurfacesPage,
    badge: ({ surfaces }) => {
      const waiting = waitingForReview(surfaces.values())
      return waiting > 0 ? { text: `▲ ${waiting}`, tone: 'waiting' } : undefined
    },
  },
  { path: '/operators', needsState: true, name: 'Operators', Page: OperatorsPage },
  {
    path: '/pipelines',
    needsState: true,
    name: 'Pipelines',
    Page: PipelinesPage,
    badge: ({ sources }) => {
      const { failing } = groupSources(sources.values())
      return failing.length > 0 ? { text: `! ${failing.length}`, tone: 'failing' } : undefined
    },
  },
  { path: '/try', needsState: false, name: 'Try it', Page: TryItPage },
  { path: '/streams', needsState: false, name: 'Streams', Page: StreamsPage },
  { path: '/keys', needsState: false, name: 'Keys', Page: KeysPage },
]
