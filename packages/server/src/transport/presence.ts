import { type Counts, sumCounts, type Tally } from '../tally.js'
import type { OpenStreamFacts, Sessions } from './sessions.js'

/** Who listens in a workspace now, and what was counted of it: at one process, or at all that serve one port. */
export interface Presence {
  readonly streams: readonly OpenStreamFacts[]
  readonly counts: Counts
}

/** Reads the presence of a workspace. */
export type ReadPresence = (workspace: string) => Promise<Presence>

export function presenceOf(sessions: Pick<Sessions, 'list'>, tally: Tally): ReadPresence {
  return async (workspace) => ({ streams: sessions.list(workspace), counts: tally.of(workspace) })
}

export function togetherPresent(all: readonly Presence[]): Presence {
  return { streams: all.flatMap(({ streams }) => streams), counts: sumCounts(all.map(({ counts }) => counts)) }
}
