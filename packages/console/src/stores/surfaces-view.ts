import type { SurfaceState } from '@switchboard/contract/state'

/** Columns of the board, in the order of attention: a person is needed, something failed, it happens, it is over. */
export type SurfaceGroup = 'review' | 'failed' | 'created' | 'delivered' | 'opened' | 'partial' | 'completed' | 'over'

export interface SurfaceColumn {
  readonly group: SurfaceGroup
  readonly name: string
  readonly surfaces: readonly SurfaceState[]
}

const names: Readonly<Record<SurfaceGroup, string>> = {
  review: 'Waits for review',
  failed: 'Not delivered or rejected',
  created: 'Created',
  delivered: 'Delivered',
  opened: 'Opened',
  partial: 'Being filled in',
  completed: 'Submitted',
  over: 'Archived',
}

const surfaceGroups = Object.keys(names) as readonly SurfaceGroup[]

/** What carriers say when a message did not arrive; the field is free text, so its beginning decides. */
const undelivered = /^(fail|undeliver|bounce|reject|error)/i

export function groupOf({ stage, review, delivery_status }: SurfaceState): SurfaceGroup {
  if (stage === 'archived') return 'over'
  // A submitted form may be reviewed too: the stage alone does not tell who is waited for.
  if (review === 'pending') return 'review'
  if (stage === 'rejected' || review === 'rejected') return 'failed'
  // Who has opened the form has got it, whatever the carrier said.
  if (stage === 'delivered' && delivery_status !== null && undelivered.test(delivery_status)) return 'failed'
  return stage === 'pending_review' ? 'review' : stage
}

/** Every column, empty ones too, so that a board keeps its shape. Longest in the stage first; what is over, newest first. */
export function boardOf(surfaces: Iterable<SurfaceState>, search = ''): readonly SurfaceColumn[] {
  const wanted = search.trim().toLowerCase()
  const columns = new Map<SurfaceGroup, SurfaceState[]>(surfaceGroups.map((group) => [group, []]))
  for (const surface of surfaces) if (matches(surface, wanted)) columns.get(groupOf(surface))?.push(surface)
  return surfaceGroups.map((group) => {
    const sign = group === 'completed' || group === 'over' ? -1 : 1
    const sorted = (columns.get(group) ?? []).sort(
      (a, b) => sign * a.stage_since.localeCompare(b.stage_since) || a.surface_id.localeCompare(b.surface_id),
    )
    return { group, name: names[group], surfaces: sorted }
  })
}

function matches({ surface_id, entity_id, original_surface_id }: SurfaceState, wanted: string): boolean {
  return [surface_id, entity_id, original_surface_id].some((id) => id?.toLowerCase().includes(wanted))
}

export interface FunnelStep {
  readonly name: string
  readonly count: number
  /** Of all surfaces held, 0 to 1. */
  readonly share: number
}

/**
 * How many came at least so far. A record keeps its present stage only: one archived or rejected on the way counts for
 * what its fields still prove (saved fields, a submission), so a step may be told too low and never too high.
 */
export function funnelOf(surfaces: Iterable<SurfaceState>): readonly FunnelStep[] {
  const counts = [0, 0, 0, 0, 0]
  for (const surface of surfaces) {
    const reached = reachedBy(surface)
    for (let step = 0; step <= reached; step++) counts[step] = (counts[step] ?? 0) + 1
  }
  const all = counts[0] ?? 0
  return ['Created', 'Delivered', 'Opened', 'Partly filled in', 'Submitted'].map((name, step) => {
    const count = counts[step] ?? 0
    return { name, count, share: all === 0 ? 0 : count / all }
  })
}

function reachedBy(surface: SurfaceState): number {
  if (surface.submitted_at !== null || surface.stage === 'completed') return 4
  if (surface.fields_saved.length > 0 || surface.stage === 'partial') return 3
  if (surface.stage === 'opened') return 2
  const { delivery_status } = surface
  if (delivery_status !== null) return undelivered.test(delivery_status) ? 0 : 1
  return surface.stage === 'delivered' ? 1 : 0
}

export function waitingForReview(surfaces: Iterable<SurfaceState>): number {
  let count = 0
  for (const surface of surfaces) if (groupOf(surface) === 'review') count++
  return count
}
