import type { FailureCode } from '@switchboard/contract'
import type { Clock } from './clock.js'
import type { Meter } from './meter.js'

/** How often a failure came, and when last (Unix ms). */
export interface Refusals {
  readonly code: FailureCode
  readonly count: number
  readonly lastAt: number
}

/** What was counted of one workspace. */
export interface Counts {
  /** Unix ms. */
  readonly since: number
  readonly refusals: readonly Refusals[]
  readonly published: number
}

/** Workspaces that are counted. One that comes later is not: the admin key may name workspaces that there are not. */
const WORKSPACES_MAX = 10_000

interface Entry {
  published: number
  readonly refusals: Map<FailureCode, Refusals>
}

/** Counts by workspace and failure code, since the process began: a number each, and nothing of who or what. */
export class Tally {
  private readonly since: number
  private readonly entries = new Map<string, Entry>()

  constructor(private readonly clock: Clock) {
    this.since = clock.now()
  }

  refused(workspace: string, code: FailureCode): void {
    const refusals = this.entry(workspace)?.refusals
    refusals?.set(code, { code, count: (refusals.get(code)?.count ?? 0) + 1, lastAt: this.clock.now() })
  }

  published(workspace: string, events: number): void {
    const entry = this.entry(workspace)
    if (entry !== undefined) entry.published += events
  }

  of(workspace: string): Counts {
    const { published = 0, refusals } = this.entries.get(workspace) ?? {}
    return { since: this.since, published, refusals: [...(refusals?.values() ?? [])] }
  }

  private entry(workspace: string): Entry | undefined {
    const known = this.entries.get(workspace)
    if (known !== undefined || this.entries.size >= WORKSPACES_MAX) return known
    const entry: Entry = { published: 0, refusals: new Map() }
    this.entries.set(workspace, entry)
    return entry
  }
}

/** A meter that tells a tally too. */
export function tallied(meter: Meter, tally: Tally): Meter {
  return {
    ...meter,
    appended(kind, events, seconds, workspace) {
      meter.appended(kind, events, seconds, workspace)
      tally.published(workspace, events)
    },
    refused(code, workspace) {
      meter.refused(code, workspace)
      if (workspace !== undefined) tally.refused(workspace, code)
    },
  }
}

/** Counts of several processes as one. */
export function sumCounts(all: readonly Counts[]): Counts {
  const refusals = new Map<FailureCode, Refusals>()
  for (const { code, count, lastAt } of all.flatMap((counts) => counts.refusals)) {
    const before = refusals.get(code) ?? { count: 0, lastAt: 0 }
    refusals.set(code, { code, count: before.count + count, lastAt: Math.max(before.lastAt, lastAt) })
  }
  return {
    since: Math.min(...all.map(({ since }) => since)),
    refusals: [...refusals.values()],
    published: all.reduce((sum, { published }) => sum + published, 0),
  }
}
