import { expect, test } from 'vitest'
import { chartText } from './chart.js'

const bars = [
  { group: 'few & fast', name: 'Switchboard', value: 600 },
  { group: 'few & fast', name: 'nchan', value: 200 },
  { group: 'many', name: 'Switchboard', value: 3 },
  { group: 'many', name: 'res.write', value: 6 },
]
const svg = chartText('Deliveries', bars)
const widths = [...svg.matchAll(/<rect .*? width="(\d+)"/g)].map(([, width]) => Number(width))

test('each group has a scale of its own, and its longest bar all the width', () => {
  const [first = 0, second = 0, third = 0, fourth = 0] = widths
  expect(widths).toHaveLength(bars.length)
  expect(second / first).toBeCloseTo(1 / 3, 2)
  expect(third / fourth).toBeCloseTo(1 / 2, 2)
  expect(first).toBe(fourth)
})

test('a bar says its value, and how it compares with nchan where that was measured', () => {
  expect(svg).toContain('>600 (3 × nchan)<')
  expect(svg).toContain('>200<')
  expect(svg).toContain('>6<')
})

test('nothing stands outside the picture, and text is escaped', () => {
  const height = Number(/ height="(\d+)" viewBox/.exec(svg)?.[1])
  for (const [, y] of svg.matchAll(/ y="(\d+)"/g)) expect(Number(y)).toBeLessThan(height)
  expect(svg).toContain('few &amp; fast')
  expect(svg).not.toContain('few & fast')
})

test('it is readable on a dark page too', () => {
  expect(svg).toContain('prefers-color-scheme: dark')
})
