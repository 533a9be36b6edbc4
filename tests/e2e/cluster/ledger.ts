/** What was published to a channel, by its numbers, and how long it took. */
export class Ledger {
  /** The position that each number was acknowledged with. */
  readonly acknowledged = new Map<number, string>()
  private next = 0
  private waitMsMax = 0
  private silentMsMax = 0
  private lastAt = performance.now()

  /** A number that nobody has published yet. */
  take(): number {
    return this.next++
  }

  acknowledge(n: number, id: string | undefined, sentAt: number): void {
    if (id === undefined) throw new Error(`event ${n} was acknowledged without a position`)
    this.acknowledged.set(n, id)
    const now = performance.now()
    this.waitMsMax = Math.max(this.waitMsMax, now - sentAt)
    this.silentMsMax = Math.max(this.silentMsMax, now - this.lastAt)
    this.lastAt = now
  }

  /** Begins to measure anew. */
  restart(): void {
    this.waitMsMax = 0
    this.silentMsMax = 0
    this.lastAt = performance.now()
  }

  /** The longest that a publisher waited, and that nothing was acknowledged to anybody, in ms. */
  get waits(): { readonly publisherMs: number; readonly allMs: number } {
    return { publisherMs: this.waitMsMax, allMs: this.silentMsMax }
  }
}
