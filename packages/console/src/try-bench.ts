import type { Switchboard } from '@switchboard/sdk'
import { chance } from './stores/fresh-ids.js'
import { PublishStore } from './stores/publish-store.js'
import { keptSessions } from './stores/session.js'
import { SimulationStore } from './stores/simulation-store.js'
import { nextFrame } from './stores/store.js'
import { waitFor } from './stores/wait.js'
import { type Desk, useDesk } from './workspace.js'

/** What outlives the page Try it while its session lasts: a draft, and a story that goes on while others are looked at. */
export interface Bench {
  readonly publishing: PublishStore
  readonly simulation: SimulationStore
}

const benches = new WeakMap<Switchboard, Bench>()

export function useBench(): Bench {
  const desk = useDesk()
  const known = benches.get(desk.switchboard)
  if (known) return known
  const bench = benchOf(desk)
  benches.set(desk.switchboard, bench)
  return bench
}

function benchOf({ switchboard, workspace, workspaceId }: Desk): Bench {
  const random = chance()
  const publishing = new PublishStore({
    switchboard,
    // At once: an editor whose text comes a frame late loses the place of its cursor.
    frame: (run) => run(),
    random,
    calls: () => workspace.latest.calls.values(),
  })
  const simulation = new SimulationStore({
    switchboard,
    frame: nextFrame,
    now: Date.now,
    sleep: waitFor,
    seed: () => random.whole(0, 999_999_999),
    mayGoOn: () => keptSessions(sessionStorage).all.some((session) => session.workspaceId === workspaceId),
    onBusy: (busy) => (busy ? addEventListener : removeEventListener)('beforeunload', ask),
  })
  return { publishing, simulation }
}

/** Has the browser ask whether the tab may be closed. */
function ask(event: BeforeUnloadEvent): void {
  event.preventDefault()
}
