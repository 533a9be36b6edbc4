/** Pages read in one turn of the event loop: at 256 KiB about a millisecond each, with what their readers do with them. */
const PAGES_PER_TURN = 4

/**
 * Lets readers of the log take turns with everything else.
 *
 * A read itself waits for nothing, so a reader whose socket never fills, such as one whose filter lets nothing through,
 * would go from page to page without the event loop ever moving on: a hundred of them, replaying a day each, would hold
 * up every append and every health check until they were done.
 */
export class ReadTurns {
  /** In the order in which they asked. */
  private readonly waiting = new Set<() => void>()
  private scheduled = 0

  /** Resolves when it is the caller's turn to read one page. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.add(resolve)
      this.schedule()
    })
  }

  private schedule(): void {
    while (this.scheduled < Math.min(PAGES_PER_TURN, this.waiting.size)) {
      this.scheduled += 1
      // Between two of these a promise's continuations run; one that is asked for in one of them runs a turn later.
      setImmediate(() => this.release())
    }
  }

  private release(): void {
    this.scheduled -= 1
    for (const resolve of this.waiting) {
      this.waiting.delete(resolve)
      resolve()
      break
    }
    this.schedule()
  }
}
