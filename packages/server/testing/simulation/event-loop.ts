import { TestClock } from '../../src/fanout/clock.test-kit.js'

/** Resolves when no promise has anything left to do: ticks come after all of them. */
export function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
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
 * What a process has to do later. As in Node, a turn runs what was asked for before it, in order; what is asked for
 * meanwhile waits for the next. It ends with its process.
 */
export class EventLoop {
  #tasks: Task[] = []

  get isIdle(): boolean {
    return this.#tasks.length === 0
  }

  push(task: Task): void {
    this.#tasks.push(task)
  }

  async turn(): Promise<void> {
    const tasks = this.#tasks
    this.#tasks = []
    for (const task of tasks) {
      task()
      await settled()
    }
  }
}

/**
 * Takes the place of `setImmediate` and `setTimeout`: what the code under test asks for then runs when the schedule says
 * so. The returned function gives them back.
 */
export function takeTimers(loop: () => EventLoop, clock: SimulatedClock): () => void {
  const { setImmediate, setTimeout } = globalThis
  const taken = {
    setImmediate: (task: (...given: unknown[]) => void, ...given: unknown[]) => loop().push(() => task(...given)),
    setTimeout: (task: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) =>
      void clock.after(ms, () => task(...given)),
  }
  Object.assign(globalThis, taken)
  return () => void Object.assign(globalThis, { setImmediate, setTimeout })
}
