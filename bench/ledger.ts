import { comparePositions, parsePosition } from '@switchboard/contract'
import type { Gateway } from './gateway.js'
import { replay } from './replay.js'

/** What was acknowledged, to be held against what is there. */
export class Ledger {
  private next = 1
  private readonly ids = new Map<number, string>()
  /** The lane that sent a number. */
  private readonly lanes = new Map<number, number>()

  /** Numbers to send next. */
  take(count: number): number {
    const first = this.next
    this.next += count
    return first
  }

  acknowledged(first: number, ids: readonly string[], lane: number): void {
    ids.forEach((id, index) => {
      this.ids.set(first + index, id)
      this.lanes.set(first + index, lane)
    })
  }

  get size(): number {
    return this.ids.size
  }

  /**
   * Reads everything back.
   * @throws Error when an event is missing, there twice, under another id, out of order, or before one that the same
   *   connection sent earlier.
   */
  async check(gateway: Gateway): Promise<void> {
    const { numbers, ids } = await replay(gateway, this.size)
    const lastOfLane = new Map<number, number>()
    let before = parsePosition('0-0')
    numbers.forEach((number, index) => {
      const id = ids[index] ?? ''
      const position = parsePosition(id)
      if (position === undefined || before === undefined) throw new Error(`${id} is no position`)
      if (comparePositions(position, before) <= 0)
        throw new Error(`event ${number} has the position ${id}, which is not after the last`)
      before = position
      if (this.ids.get(number) !== id) {
        throw new Error(`event ${number} is at ${id}, and was acknowledged at ${this.ids.get(number) ?? 'no position'}`)
      }
      const lane = this.lanes.get(number) ?? 0
      if (number <= (lastOfLane.get(lane) ?? 0))
        throw new Error(`event ${number} comes after a later one of its sender`)
      lastOfLane.set(lane, number)
    })
    // As many as were acknowledged, each at its own position, and positions increase: all of them, each once.
  }
}
