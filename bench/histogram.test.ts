import { expect, test } from 'vitest'
import { Histogram } from './histogram.js'

const ERROR_MAX = 0.02

function of(values: Iterable<number>): Histogram {
  const histogram = new Histogram()
  for (const value of values) histogram.add(value)
  return histogram
}

test('every value is known to a fiftieth', () => {
  for (let value = 0; value < 2 ** 31 - 1; value = Math.ceil(value * 1.013) + 1) {
    const histogram = of([value, 2 ** 31 - 1])
    const found = histogram.quantile(0.5)
    expect(Math.abs(found - value)).toBeLessThanOrEqual(ERROR_MAX * value)
  }
})

test('small values are exact, and so is the largest', () => {
  const histogram = of([0, 1, 31, 32, 63, 12_345])
  expect([0.01, 2 / 6, 3 / 6, 4 / 6, 5 / 6].map((part) => histogram.quantile(part))).toEqual([0, 1, 31, 32, 63])
  expect(histogram.max).toBe(12_345)
  expect(histogram.quantile(1)).toBeLessThanOrEqual(12_345)
})

test('quantiles of many values are where they should be', () => {
  const histogram = of(Array.from({ length: 100_000 }, (_, index) => index))
  for (const part of [0.5, 0.9, 0.99, 0.999]) {
    expect(Math.abs(histogram.quantile(part) / (part * 100_000) - 1)).toBeLessThan(ERROR_MAX)
  }
})

test('two that are merged are one of all values', () => {
  const values = Array.from({ length: 1_000 }, (_, index) => index * index)
  const merged = of(values.filter((value) => value % 3 === 0))
  merged.merge(of(values.filter((value) => value % 3 !== 0)).toJSON())
  expect(merged.toJSON()).toEqual(of(values).toJSON())
  expect(merged.count).toBe(1_000)
})

test('what is too small or too large is counted, and none is no number', () => {
  const histogram = of([-5, 2 ** 40])
  expect(histogram.count).toBe(2)
  expect(histogram.quantile(0.5)).toBe(0)
  expect(of([]).quantile(0.5)).toBeNaN()
  histogram.clear()
  expect(histogram.toJSON()).toEqual({ counts: [], max: 0 })
})
