import { expect, test } from 'vitest'
import { Pace } from './pace.js'

test('one that ends again and again is replaced ever more slowly, and one that lived well at once', () => {
  const pace = new Pace()
  expect(pace.waitMs(60_000)).toBe(0)
  expect([1, 2, 3, 4].map(() => pace.waitMs(500))).toEqual([100, 200, 400, 800])
  for (let count = 0; count < 20; count++) pace.waitMs(500)
  expect(pace.waitMs(500)).toBe(10_000)
  expect(pace.waitMs(20_000)).toBe(0)
  expect(pace.waitMs(500)).toBe(100)
})
