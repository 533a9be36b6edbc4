import { expect, test } from 'vitest'
import { grows } from './growth.js'

const samples = (of: (n: number) => number) => Array.from({ length: 60 }, (_, n) => of(n))

test('what rises all the time grows; what rises in the beginning, swings, or falls does not', () => {
  expect(
    grows(
      samples((n) => 100 + 5 * n),
      24,
    ).isSo,
  ).toBe(true)
  expect(
    grows(
      samples((n) => Math.min(100 + 20 * n, 400)),
      24,
    ).isSo,
  ).toBe(false)
  expect(
    grows(
      samples((n) => 100 + 50 * (n % 2)),
      24,
    ).isSo,
  ).toBe(false)
  expect(
    grows(
      samples((n) => 400 - n),
      24,
    ).isSo,
  ).toBe(false)
})
