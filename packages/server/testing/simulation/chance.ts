import { randomly } from '../random.js'

/** Every choice of a schedule, out of one seed. */
export class Chance {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = randomly(seed)
  }

  /** A whole number from 0 to `count - 1`. */
  below(count: number): number {
    return Math.floor(this.#next() * count)
  }

  /** Inclusive. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  is(probability: number): boolean {
    return this.#next() < probability
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error('There is nothing to pick from')
    return list[this.below(list.length)] as T
  }

  /** One of them, each as often as its weight says. */
  weighed<T extends { readonly weight: number }>(list: readonly T[]): T {
    let left = this.#next() * list.reduce((sum, { weight }) => sum + weight, 0)
    for (const each of list) {
      left -= each.weight
      if (left < 0) return each
    }
    return list[list.length - 1] as T
  }
}
