import type { Part } from './message.js'

/** A batch that is not complete this long after its first part never will be: its publisher has given up before. */
const BATCH_MS_MAX = 120_000

interface Batch {
  /** Of the first part: stream sequence, and time in unix ms. */
  readonly first: number
  readonly time: number
  readonly bytes: (Buffer | undefined)[]
  missing: number
}

/** Batches that come in parts. What is made of them depends on the stream alone, so that every copy makes the same. */
export class Parts {
  private readonly batches = new Map<string, Batch>()

  /** Where the oldest batch begins that is not complete; undefined when there is none. */
  get oldest(): number | undefined {
    let oldest: number | undefined
    for (const { first } of this.batches.values()) oldest = Math.min(oldest ?? first, first)
    return oldest
  }

  /** Takes a part in. Answers the whole batch with its last one. */
  add({ id, index, of }: Part, bytes: Buffer, sequence: number, time: number): Buffer | undefined {
    this.forget(time)
    const batch = this.batches.get(id) ?? { first: sequence, time, bytes: new Array(of), missing: of }
    this.batches.set(id, batch)
    // Of another batch with the same name.
    if (of !== batch.bytes.length) return undefined
    if (batch.bytes[index] === undefined) {
      batch.bytes[index] = bytes
      batch.missing -= 1
    }
    if (batch.missing > 0) return undefined
    this.batches.delete(id)
    return Buffer.concat(batch.bytes as Buffer[])
  }

  /** Drops what cannot be completed any more at a time of the stream. */
  forget(now: number): void {
    for (const [id, { time }] of this.batches) if (now - time > BATCH_MS_MAX) this.batches.delete(id)
  }
}
