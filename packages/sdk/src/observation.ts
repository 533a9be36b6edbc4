import { SwitchboardError } from './errors.js'
import type { SessionInfoEvent } from './generated/types.gen.js'
import type { ObserverItem } from './items.js'
import { Live } from './live.js'

type Result = IteratorResult<ObserverItem, void>

/** One call being observed; see `Live`. */
export class Observation extends Live<ObserverItem> {
  readonly #info: Promise<SessionInfoEvent>
  #resolve: (info: SessionInfoEvent) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  #started = false
  /** Read for `info` before the loop asked. */
  #ahead: Promise<Result> | undefined

  constructor(
    open: (signal: AbortSignal) => AsyncGenerator<ObserverItem, void, void>,
    position: () => string | undefined,
    signal: AbortSignal | undefined,
  ) {
    super(open, position, signal)
    this.#info = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever does not ask for it need not hear that it failed: the loop throws the same error.
    this.#info.catch(() => {})
  }

  /**
   * What the call is, as the first connection told it. Asking for it connects. Rejects when the observation ends before
   * the server has told it.
   */
  get info(): Promise<SessionInfoEvent> {
    if (!this.#started) {
      this.#ahead = this.#read()
      this.#ahead.catch(() => {})
    }
    return this.#info
  }

  override next(): Promise<Result> {
    const result = this.#ahead ?? this.#read()
    this.#ahead = undefined
    return result
  }

  /** @internal The transport has been told what the call is. */
  tell(info: SessionInfoEvent): void {
    this.#resolve(info)
  }

  async #read(): Promise<Result> {
    this.#started = true
    try {
      const result = await super.next()
      if (result.done) this.#reject(new SwitchboardError('aborted', 'the observation ended before the call was told'))
      return result
    } catch (error) {
      this.#reject(error)
      throw error
    }
  }
}
