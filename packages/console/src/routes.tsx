import { type ComponentType, lazy } from 'react'
import { CallsPage } from './pages/calls.js'
import { LivePage } from './pages/live.js'
import { OperatorsPage } from './pages/operators.js'
import { SurfacesPage } from './pages/surfaces.js'
import { countCalls } from './stores/calls-view.js'
import { groupSources } from './stores/pipelines-view.js'
import { waitingForReview } from './stores/surfaces-view.js'
import type { WorkspaceSnapshot } from './stores/workspace-store.js'

// Loaded when somebody goes there: they bring a chart, a story teller and forms that most visits do without.
const PipelinesPage = lazy(async () => ({ default: (await import('./pages/pipelines.js')).PipelinesPage }))
const TryItPage = lazy(async () => ({ default: (await import('./pages/try-it.js')).TryItPage }))
const StreamsPage = lazy(async () => ({ default: (await import('./pages/streams.js')).StreamsPage }))
const KeysPage = lazy(async () => ({ default: (await import('./pages/keys.js')).KeysPage }))

/** A few characters, and whether they tell of who needs a person, of what fails, or of what merely is. */
export interface Badge {
  readonly text: string
  readonly tone: 'waiting' | 'failing' | 'muted'
}

export interface PageRoute {
  readonly path: string
  readonly name: string
  readonly Page: ComponentType
  /** What stands beside the name in the sidebar. */
  readonly badge?: (workspace: WorkspaceSnapshot) => Badge | undefined
}

/** Every page there is, in the sidebar's order. The first is where `/console/` leads. */
export const routes: readonly PageRoute[] = [
  {
    path: '/calls',
    name: 'Calls',
    Page: CallsPage,
    badge: ({ calls }) => {
      const { waiting, live } = countCalls(calls)
      if (waiting > 0) return { text: `▲ ${waiting} waiting`, tone: 'waiting' }
      return live > 0 ? { text: live.toLocaleString(), tone: 'muted' } : undefined
    },
  },
  { path: '/live', name: 'Live', Page: LivePage },
  {
    path: '/surfaces',
    name: 'Surfaces',
    Page: SurfacesPage,
    badge: ({ surfaces }) => {
      const waiting = waitingForReview(surfaces.values())
      return waiting > 0 ? { text: `▲ ${waiting}`, tone: 'waiting' } : undefined
    },
  },
  { path: '/operators', name: 'Operators', Page: OperatorsPage },
  {
    path: '/pipelines',
    name: 'Pipelines',
    Page: PipelinesPage,
    badge: ({ sources }) => {
      const { failing } = groupSources(sources.values())
      return failing.length > 0 ? { text: `! ${failing.length}`, tone: 'failing' } : undefined
    },
  },
  { path: '/try', name: 'Try it', Page: TryItPage },
  { path: '/streams', name: 'Streams', Page: StreamsPage },
  { path: '/keys', name: 'Keys', Page: KeysPage },
]
