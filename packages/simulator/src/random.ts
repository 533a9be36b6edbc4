/**
 * A seeded source of chance: the same seed always gives the same sequence, on every machine.
 *
 * `fork` makes an independent source from this one and a label, without drawing from it. Each part of a simulation
 * forks its own, so that a change in one part leaves the others as they were.
 */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** A number in [low, high). */
  between(low: number, high: number): number
  /** An integer from low to high, both included. */
  whole(low: number, high: number): number
  chance(probability: number): boolean
  /** One of the items. @throws RangeError when there is none. */
  pick<T>(items: readonly T[]): T
  /** One of the names, each as likely as its weight. @throws RangeError when there is none. */
  weighted<T extends string>(weights: Readonly<Record<T, number>>): T
  /** A waiting time with this mean, as between independent arrivals (exponential). */
  waiting(mean: number): number
  /** Lower-case hexadecimal digits. */
  hex(digits: number): string
  fork(label: string): Random
}

/** FNV-1a over the text's UTF-16 units, then mixed, so that seeds 1 and 2 do not start alike. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}

export function createRandom(seed: number | string): Random {
  const root = String(seed)
  let state = hash(root)

  /** Splitmix, 32 bits: one addition and a finaliser, with a period of 2^32 draws. */
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x1_0000_0000
  }

  const random: Random = {
    next,
    between: (low, high) => low + next() * (high - low),
    whole: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (probability) => next() < probability,
    pick(items) {
      const item = items[Math.floor(next() * items.length)]
      if (item === undefined) throw new RangeError('there is nothing to pick from')
      return item
    },
    weighted<T extends string>(weights: Readonly<Record<T, number>>): T {
      const names = Object.keys(weights) as T[]
      let left = next() * names.reduce((sum, name) => sum + weights[name], 0)
      for (const name of names) {
        left -= weights[name]
        if (left < 0) return name
      }
      throw new RangeError('there is nothing to pick from')
    },
    waiting: (mean) => -Math.log(1 - next()) * mean,
    hex: (digits) => Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join(''),
    fork: (label) => createRandom(`${root}/${label}`),
  }
  return random
}
