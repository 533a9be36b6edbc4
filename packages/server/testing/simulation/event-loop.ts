import { TestClock } from '../../src/fanout/clock.test-kit.js'

/** The real one, from before anything was put in its place. */
const realImmediate = setImmediate

/** Resolves when no promise has anything left to do. */
export function settled(): Promise<void> {
  return new Promise((resolve) => void realImmediate(resolve))
}

/** Time that passes when the schedule says so. Looking at it may take time, too: that is how work takes time here. */
export class SimulatedClock extends TestClock {
  /** Milliseconds that each look at the monotonic clock takes. */
  lookMs = 0

  /** Monotonic milliseconds, without a look. */
  get elapsed(): number {
    return super.monotonic()
  }

  override monotonic(): number {
    this.pass(this.lookMs)
    return super.monotonic()
  }
}

type Task = () => void

/**
 * What a process has to do later: `setImmediate` and `setTimeout` of the code under test end here, and run when the
 * schedule says so. As in Node, a turn runs what was asked for before it, in order; what is asked for meanwhile waits for
 * the next. Ends with its process.
 */
export class EventLoop {
  readonly #clock: SimulatedClock
  #tasks: Task[] = []

  constructor(clock: SimulatedClock) {
    this.#clock = clock
  }

  get isIdle(): boolean {
    return this.#tasks.length === 0
  }

  async turn(): Promise<void> {
    const tasks = this.#tasks
    this.#tasks = []
    for (const task of tasks) {
      task()
      await settled()
    }
  }

  /** Takes the place of the globals. The returned function gives them back. */
  install(): () => void {
    const { setImmediate, setTimeout } = globalThis
    const asLater = (task: (...given: unknown[]) => void, ...given: unknown[]): object => {
      this.#tasks.push(() => task(...given))
      return {}
    }
    const asTimer = (task: (...given: unknown[]) => void, ms = 0, ...given: unknown[]): object => {
      const cancel = this.#clock.after(ms, () => task(...given))
      return { unref() {}, cancel }
    }
    Object.assign(globalThis, { setImmediate: asLater, setTimeout: asTimer })
    return () => void Object.assign(globalThis, { setImmediate, setTimeout })
  }
}
