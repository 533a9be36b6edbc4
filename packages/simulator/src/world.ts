import type { Desks } from './desks.js'
import type { Random } from './random.js'

/** What every thread of the story shares. */
export interface World {
  /** The source that threads fork theirs from. */
  readonly random: Random
  readonly desks: Desks
  /** Ids of the services that answer and place calls. */
  readonly serviceIds: readonly string[]
  /** The wall clock at a second of the story, as ISO 8601 in UTC. */
  readonly isoAt: (at: number) => string
}
