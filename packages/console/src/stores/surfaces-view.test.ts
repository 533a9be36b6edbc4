import type { SurfaceState } from '@switchboard/contract/state'
import { expect, test } from 'vitest'
import { boardOf, funnelOf, groupOf, waitingForReview } from './surfaces-view.js'

const surface = (surface_id: string, told: Partial<SurfaceState> = {}): SurfaceState => ({
  surface_id,
  entity_id: null,
  stage: 'created',
  stage_since: '2026-11-22T09:00:00.000Z',
  created_at: '2026-11-22T09:00:00.000Z',
  channel: null,
  fields_count: null,
  fields_saved: [],
  delivery_status: null,
  submitted_at: null,
  review: null,
  review_reason: null,
  original_surface_id: null,
  ...told,
})

test('what waits for a person comes before its stage, also after a submission', () => {
  expect(groupOf(surface('a', { stage: 'completed', review: 'pending' }))).toBe('review')
  expect(groupOf(surface('a', { stage: 'completed', review: 'rejected' }))).toBe('failed')
  expect(groupOf(surface('a', { stage: 'completed', review: 'approved' }))).toBe('completed')
  expect(groupOf(surface('a', { stage: 'archived', review: 'pending' }))).toBe('over')
  expect(waitingForReview([surface('a'), surface('b', { stage: 'pending_review', review: 'pending' })])).toBe(1)
})

test('a delivery that failed is red until the form is opened after all', () => {
  const failed = surface('a', { stage: 'delivered', delivery_status: 'undelivered' })
  expect(groupOf(failed)).toBe('failed')
  expect(groupOf({ ...failed, stage: 'opened' })).toBe('opened')
  expect(groupOf({ ...failed, delivery_status: 'delivered' })).toBe('delivered')
})

test('the longest wait comes first, and the newest of what is done', () => {
  const at = (id: string, minute: number, stage: SurfaceState['stage']) =>
    surface(id, { stage, stage_since: `2026-11-22T09:0${minute}:00.000Z` })
  const board = boardOf([at('b', 2, 'opened'), at('a', 1, 'opened'), at('c', 1, 'completed'), at('d', 2, 'completed')])
  const ids = (group: string) => board.find((each) => each.group === group)?.surfaces.map((each) => each.surface_id)
  expect(ids('opened')).toEqual(['a', 'b'])
  expect(ids('completed')).toEqual(['d', 'c'])
  expect(board).toHaveLength(8)
})

test('the search finds a surface by its own id, its entity or what it was reshaped from', () => {
  const all = [
    surface('aa'),
    surface('bb', { entity_id: 'AAx' }),
    surface('cc', { original_surface_id: 'aa' }),
    surface('dd'),
  ]
  expect(boardOf(all, ' aa ').flatMap((each) => each.surfaces.map((found) => found.surface_id))).toEqual([
    'aa',
    'bb',
    'cc',
  ])
})

test('a step of the funnel holds all who came at least so far, also those archived since', () => {
  const all = [
    surface('a'),
    surface('b', { stage: 'delivered', delivery_status: 'failed' }),
    surface('c', { stage: 'delivered', delivery_status: 'delivered' }),
    surface('d', { stage: 'archived', fields_saved: ['x'] }),
    surface('e', { stage: 'completed', submitted_at: '2026-11-22T09:00:00Z' }),
  ]
  expect(funnelOf(all).map(({ count }) => count)).toEqual([5, 3, 2, 2, 1])
  expect(funnelOf(all).at(-1)?.share).toBe(0.2)
  expect(funnelOf([]).map(({ share }) => share)).toEqual([0, 0, 0, 0, 0])
})
