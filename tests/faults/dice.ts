/** Numbers in [0, 1) that a seed gives again (mulberry32). */
export function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A whole number from `from` to `to`, both inclusive. */
export function between(roll: () => number, from: number, to: number): number {
  return from + Math.floor(roll() * (to - from + 1))
}
