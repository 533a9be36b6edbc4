import { expect } from 'vitest'

/** What was measured, in microseconds, by what was asked. */
export type Samples = Readonly<Record<string, readonly number[]>>

/**
 * How long each of several questions takes. They are asked in turn, another one first in each round, so that
 * whatever else the machine does falls on all of them alike.
 */
export async function interleaved(
  asks: Readonly<Record<string, () => Promise<unknown>>>,
  rounds: number,
): Promise<Samples> {
  const all = Object.entries(asks)
  const samples = Object.fromEntries(all.map(([name]) => [name, [] as number[]]))
  const warmUp = rounds / 10
  for (let round = 0; round < rounds + warmUp; round += 1) {
    for (let index = 0; index < all.length; index += 1) {
      const [name, ask] = all[(index + round) % all.length] as (typeof all)[number]
      const began = process.hrtime.bigint()
      await ask()
      const took = Number(process.hrtime.bigint() - began) / 1000
      if (round >= warmUp) samples[name]?.push(took)
    }
  }
  return samples
}

/**
 * How often a sample of one is larger than one of the other: the statistic of Mann and Whitney, from 0 to 1. One half when
 * nobody can tell them apart; outliers weigh no more than others.
 */
export function superiority(a: readonly number[], b: readonly number[]): number {
  const sorted = [...b].sort((x, y) => x - y)
  const below = (value: number, orEqual: boolean): number => {
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const at = sorted[middle] as number
      if (at < value || (orEqual && at === value)) low = middle + 1
      else high = middle
    }
    return low
  }
  let wins = 0
  for (const value of a) wins += (below(value, false) + below(value, true)) / 2
  return wins / (a.length * b.length)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number
}

/** From here on chance alone is no explanation: with a thousand samples it strays by 0.013. */
const SUPERIORITY_BAND = 0.1
/** Medians this close, in microseconds, are far below what a network lets anybody see. */
const MEDIANS_APART_MAX = 20

/**
 * Fails when who asks could tell the questions apart by the time of their answers: when their order is no chance, and
 * their medians are apart by what somebody else could measure.
 */
export function expectAlike(samples: Samples): void {
  const names = Object.keys(samples)
  for (const [index, first] of names.entries()) {
    for (const second of names.slice(index + 1)) {
      const [a, b] = [samples[first] ?? [], samples[second] ?? []]
      const told = Math.abs(superiority(a, b) - 0.5) > SUPERIORITY_BAND
      const apart = Math.abs(median(a) - median(b))
      expect(told && apart > MEDIANS_APART_MAX, `${first} and ${second}: medians ${apart} µs apart`).toBe(false)
    }
  }
}
