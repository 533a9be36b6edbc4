/**
 * A live channel, read with `for await`. It connects at the first `next()`, reads no further than it is asked to, and
 * lets go of the connection when the loop is left. It can be read once.
 */
export class Live<Item> implements AsyncIterableIterator<Item, void, void> {
  readonly #open: (signal: AbortSignal) => AsyncGenerator<Item, void, void>
  readonly #position: () => string | undefined
  readonly #signal: AbortSignal | undefined
  readonly #controller = new AbortController()
  readonly #abort = (): void => this.#controller.abort()
  #items: AsyncGenerator<Item, void, void> | undefined

  constructor(
    open: (signal: AbortSignal) => AsyncGenerator<Item, void, void>,
    position: () => string | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#open = open
    this.#position = position
    this.#signal = signal
  }

  /**
   * The position to go on from, for `after`: that of the last item handed out, or a later one when newer events did not
   * match the filter. Undefined before the first connection.
   */
  get position(): string | undefined {
    return this.#position()
  }

  async next(): Promise<IteratorResult<Item, void>> {
    this.#items ??= this.#start()
    try {
      const result = await this.#items.next()
      // What was on its way when the caller ended it is no longer wanted.
      if (!result.done && this.#controller.signal.aborted) return await this.return()
      if (result.done) this.#unlisten()
      return result
    } catch (error) {
      this.#unlisten()
      throw error
    }
  }

  /** Ends it, as leaving a `for await` does. */
  async return(): Promise<IteratorResult<Item, void>> {
    // The signal first: a generator that waits for bytes would not hear of `return` before they come.
    this.close()
    await this.#items?.return()
    return { done: true, value: undefined }
  }

  /** Ends it without an error; a pending `next()` resolves as done. */
  close(): void {
    this.#unlisten()
    this.#controller.abort()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #start(): AsyncGenerator<Item, void, void> {
    if (this.#signal?.aborted) this.#controller.abort()
    this.#signal?.addEventListener('abort', this.#abort)
    return this.#open(this.#controller.signal)
  }

  #unlisten(): void {
    this.#signal?.removeEventListener('abort', this.#abort)
  }
}
