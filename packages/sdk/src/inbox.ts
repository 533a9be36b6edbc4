export type Delivery = { readonly kind: 'message'; readonly text: string } | { readonly kind: 'end' }

/**
 * What has arrived on a WebSocket and has not been read. A WebSocket cannot be asked to wait, so the inbox has a limit;
 * passing it shuts the inbox, and what comes after is for another connection to fetch again.
 */
export class Inbox {
  readonly #charsMax: number
  #messages: string[] = []
  #head = 0
  #chars = 0
  #ended = false
  #wake: (() => void) | undefined

  /** @param charsMax UTF-16 units kept unread. One message beyond it is taken, so that a large one can pass at all. */
  constructor(charsMax: number) {
    this.#charsMax = charsMax
  }

  /** Keeps a message for the reader. False when it was not taken: the inbox is full or at its end. */
  put(text: string): boolean {
    if (this.#ended) return false
    if (this.#chars > 0 && this.#chars + text.length > this.#charsMax) {
      this.end()
      return false
    }
    this.#messages.push(text)
    this.#chars += text.length
    this.#wake?.()
    return true
  }

  /** Nothing more will come; what is there can still be taken. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** The next message in order, when there is one; `end` after the last. */
  async take(): Promise<Delivery> {
    while (this.#head === this.#messages.length) {
      if (this.#ended) return { kind: 'end' }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    const text = this.#messages[this.#head] ?? ''
    this.#head += 1
    this.#chars -= text.length
    // Dropping the read half now and then keeps taking cheap: shifting would move every message each time.
    if (this.#head > 1024 || this.#head === this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head)
      this.#head = 0
    }
    return { kind: 'message', text }
  }
}
