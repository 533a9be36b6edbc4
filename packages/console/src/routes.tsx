import type { ComponentType } from 'react'
import { CallsPage } from './pages/calls.js'
import { LivePage } from './pages/live.js'
import { OperatorsPage } from './pages/operators.js'
import { PipelinesPage } from './pages/pipelines.js'
import { SurfacesPage } from './pages/surfaces.js'
import { TryItPage } from './pages/try-it.js'
import { groupCalls } from './stores/calls-view.js'
import { groupSources } from './stores/pipelines-view.js'
import { waitingForReview } from './stores/surfaces-view.js'
import type { WorkspaceSnapshot } from './stores/workspace-store.js'

export interface PageRoute {
  readonly path: string
  readonly name: string
  readonly Page: ComponentType
  /** What stands beside the name in the sidebar; `waiting` puts it in the accent. */
  readonly badge?: (workspace: WorkspaceSnapshot) => { readonly text: string; readonly waiting: boolean } | undefined
}

/** Every page there is, in the sidebar's order. The first is where `/console/` leads. */
export const routes: readonly PageRoute[] = [
  {
    path: '/calls',
    name: 'Calls',
    Page: CallsPage,
    badge: ({ calls }) => {
      const { waiting, live } = groupCalls(calls.values())
      if (waiting.length > 0) return { text: `▲ ${waiting.length} waiting`, waiting: true }
      return live.length > 0 ? { text: String(live.length), waiting: false } : undefined
    },
  },
  { path: '/live', name: 'Live', Page: LivePage },
  {
    path: '/surfaces',
    name: 'Surfaces',
    Page: SurfacesPage,
    badge: ({ surfaces }) => {
      const waiting = waitingForReview(surfaces.values())
      return waiting > 0 ? { text: `▲ ${waiting}`, waiting: true } : undefined
    },
  },
  { path: '/operators', name: 'Operators', Page: OperatorsPage },
  {
    path: '/pipelines',
    name: 'Pipelines',
    Page: PipelinesPage,
    badge: ({ sources }) => {
      const { failing } = groupSources(sources.values())
      return failing.length > 0 ? { text: `! ${failing.length}`, waiting: false } : undefined
    },
  },
  { path: '/try', name: 'Try it', Page: TryItPage },
]
