import { amount, changed, momentOf, type Reducer, type StateEntry, text } from './fold.js'

export type SurfaceStage =
  | 'created'
  | 'pending_review'
  | 'delivered'
  | 'opened'
  | 'partial'
  | 'completed'
  | 'rejected'
  | 'archived'

/**
 * One surface, as the events so far tell it.
 *
 *     created ─▶ pending_review ─▶ created ─▶ delivered ─▶ opened ─▶ partial ─▶ completed
 *                     └─▶ rejected                      any open stage ─▶ archived
 *
 * A form may also be reviewed after it was submitted: then the stage stays `completed` and `review` tells the rest.
 */
export interface SurfaceState {
  readonly surface_id: string
  readonly entity_id: string | null
  readonly stage: SurfaceStage
  readonly stage_since: string
  readonly created_at: string
  readonly channel: string | null
  readonly fields_count: number | null
  /** Keys of the fields saved so far, in order of their first save. */
  readonly fields_saved: readonly string[]
  readonly delivery_status: string | null
  readonly submitted_at: string | null
  readonly review: 'pending' | 'approved' | 'rejected' | null
  readonly review_reason: string | null
  /** The surface that this one was reshaped from. */
  readonly original_surface_id: string | null
}

/** How far along a stage is. An event that comes late tells its fields and never takes a surface back. */
const rank: Readonly<Record<SurfaceStage, number>> = {
  created: 0,
  pending_review: 1,
  delivered: 2,
  opened: 3,
  partial: 4,
  completed: 5,
  rejected: 6,
  archived: 7,
}

/** Keys of saved fields kept for one surface: a form has tens of them. */
const FIELDS_SAVED_MAX = 500

export const surfaces: Reducer<SurfaceState> = {
  name: 'surfaces',

  key({ kind, type, event }) {
    return kind === 'workspace' && type.startsWith('surface.') ? (text(event.surface_id) ?? undefined) : undefined
  },

  fold(previous, entry) {
    const surface = previous ?? firstSeen(entry)
    return foldSurface(
      changed(surface, {
        entity_id: surface.entity_id ?? text(entry.event.entity_id),
        channel: surface.channel ?? text(entry.event.channel),
      }),
      entry,
    )
  },

  expired: (surface, before) => rank[surface.stage] >= rank.completed && Date.parse(surface.stage_since) < before,
}

function firstSeen(entry: StateEntry): SurfaceState {
  return {
    surface_id: text(entry.event.surface_id) ?? '',
    entity_id: null,
    stage: 'created',
    stage_since: momentOf(entry),
    created_at: momentOf(entry),
    channel: null,
    fields_count: null,
    fields_saved: [],
    delivery_status: null,
    submitted_at: null,
    review: null,
    review_reason: null,
    original_surface_id: null,
  }
}

function foldSurface(surface: SurfaceState, entry: StateEntry): SurfaceState {
  const { event } = entry
  switch (entry.type) {
    case 'surface.created':
      return changed(surface, { fields_count: amount(event.fields_count) ?? surface.fields_count })
    case 'surface.reshaped':
      return changed(surface, { original_surface_id: text(event.original_surface_id) ?? surface.original_surface_id })
    case 'surface.delivered': {
      const delivery_status = text(event.delivery_status) ?? surface.delivery_status
      return changed(forward(surface, 'delivered', entry), { delivery_status })
    }
    case 'surface.opened':
      return forward(surface, 'opened', entry)
    case 'surface.field_saved': {
      const key = text(event.field_key) ?? text(event.field_id)
      const known =
        key === null || surface.fields_saved.includes(key) || surface.fields_saved.length >= FIELDS_SAVED_MAX
      const saved = known ? surface : { ...surface, fields_saved: [...surface.fields_saved, key] }
      return forward(saved, 'partial', entry)
    }
    case 'surface.submitted': {
      const submitted_at = surface.submitted_at ?? text(event.submitted_at) ?? momentOf(entry)
      return changed(forward(surface, 'completed', entry), { submitted_at })
    }
    case 'surface.pending_review':
      return changed(forward(surface, 'pending_review', entry), { review: 'pending' })
    case 'surface.review_approved': {
      const approved = changed(surface, { review: 'approved' })
      return surface.stage === 'pending_review' ? at(approved, 'created', entry) : approved
    }
    case 'surface.review_rejected': {
      const rejected = changed(surface, {
        review: 'rejected',
        review_reason: text(event.reason) ?? surface.review_reason,
      })
      // Refused after it was submitted, the form is still a completed one.
      return surface.stage === 'completed' ? rejected : forward(rejected, 'rejected', entry)
    }
    case 'surface.archived':
      return forward(surface, 'archived', entry)
    default:
      return surface
  }
}

function at(surface: SurfaceState, stage: SurfaceStage, entry: StateEntry): SurfaceState {
  return surface.stage === stage ? surface : { ...surface, stage, stage_since: momentOf(entry) }
}

function forward(surface: SurfaceState, stage: SurfaceStage, entry: StateEntry): SurfaceState {
  return rank[stage] > rank[surface.stage] ? at(surface, stage, entry) : surface
}
