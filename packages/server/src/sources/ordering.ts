import type { Clock } from '../clock.js'

/** How long a callback waits for one that was sent before it. Vendors give us 5 to 15 s to answer. */
export const HOLD_MS = 1000

/** Lanes remembered: each is a call with its place in a few sequences. The one unused for longest goes first. */
const LANES_MAX = 10_000

interface Held {
  readonly sequence: number
  readonly release: () => void
}

interface Lane {
  /** What was let through last: the next waits for it, so that events are stored in order. */
  tail: Promise<unknown>
  /** Callbacks that have come and are not done yet. */
  readonly pending: Set<Promise<void>>
  /** By stream: the sequence expected next, and what came too early. */
  readonly streams: Map<string, { next: number; held: Held[] }>
}

/**
 * Puts numbered callbacks back in order. Each belongs to a stream of numbers (1, 2, 3, …) in a lane; tasks of a lane run one
 * at a time. A callback that comes before its predecessor waits for it, `HOLD_MS` at most: a number may never come.
 */
export class Ordering {
  private readonly lanes = new Map<string, Lane>()

  constructor(
    private readonly clock: Clock,
    private readonly holdMs = HOLD_MS,
  ) {}

  /** Runs the task when its turn has come. */
  inTurn<T>(laneName: string, streamName: string, sequence: number, task: () => Promise<T>): Promise<T> {
    const lane = this.lane(laneName)
    const done = this.whenNext(lane, streamName, sequence, task)
    const settled = done.then(
      () => undefined,
      () => undefined,
    )
    lane.pending.add(settled)
    void settled.then(() => lane.pending.delete(settled))
    return done
  }

  /** Runs the task after everything that has come to the lane so far, also what is still held. */
  async afterAll<T>(laneName: string, task: () => Promise<T>): Promise<T> {
    const lane = this.lane(laneName)
    await Promise.all(lane.pending)
    return this.enqueue(lane, task)
  }

  private async whenNext<T>(lane: Lane, streamName: string, sequence: number, task: () => Promise<T>): Promise<T> {
    let stream = lane.streams.get(streamName)
    if (stream === undefined) {
      stream = { next: 1, held: [] }
      lane.streams.set(streamName, stream)
    }
    if (sequence > stream.next) await this.hold(stream, sequence)
    stream.next = Math.max(stream.next, sequence + 1)
    const done = this.enqueue(lane, task)
    // What waited for this one goes right behind it.
    while (stream.held[0] !== undefined && stream.held[0].sequence <= stream.next) stream.held.shift()?.release()
    return done
  }

  private lane(name: string): Lane {
    const lane = this.lanes.get(name) ?? { tail: Promise.resolve(), pending: new Set(), streams: new Map() }
    // Put back at the end: a Map keeps the order of insertion, so the first is the one unused for longest.
    this.lanes.delete(name)
    this.lanes.set(name, lane)
    for (const oldest of this.lanes.keys()) {
      if (this.lanes.size <= LANES_MAX) break
      this.lanes.delete(oldest)
    }
    return lane
  }

  private enqueue<T>(lane: Lane, task: () => Promise<T>): Promise<T> {
    const done = lane.tail.then(task)
    lane.tail = done.catch(() => undefined)
    return done
  }

  private hold(stream: { held: Held[] }, sequence: number): Promise<void> {
    return new Promise((resolve) => {
      const held: Held = {
        sequence,
        release: () => {
          cancel()
          resolve()
        },
      }
      const place = stream.held.findIndex((other) => other.sequence > sequence)
      stream.held.splice(place === -1 ? stream.held.length : place, 0, held)
      const cancel = this.clock.after(this.holdMs, () => {
        // Its time is over, and so is that of all with lower numbers: the number they waited for is not coming.
        while (stream.held[0] !== undefined && stream.held[0].sequence <= sequence) stream.held.shift()?.release()
      })
    })
  }
}
