import { expect, test } from 'vitest'
import { ofNchan, type Target, targetLines } from './target.js'

const rows = [
  { server: 'Switchboard', p99: 30, deliveries: 400 },
  { server: 'nchan', p99: 100, deliveries: 200 },
]
const target = (key: string, bounds: Pick<Target, 'least' | 'most'>): Target => ({
  what: key,
  unit: "× nchan's",
  value: (all) => ofNchan(all, key),
  ...bounds,
})

test('a target says whether it was met', () => {
  expect(targetLines([target('deliveries', { least: 2 }), target('p99', { most: 0.25 })], rows)).toEqual([
    "Target: deliveries, at least 2 × nchan's: 2, met.",
    "Target: p99, at most 0.25 × nchan's: 0.3, missed.",
  ])
})

test('a target that nothing was measured for is neither met nor missed', () => {
  expect(targetLines([target('deliveries', { least: 2 })], rows.slice(0, 1))).toEqual([
    "Target: deliveries, at least 2 × nchan's: not measured.",
  ])
})
