/** A worker that lives this long has started well: the next that ends is replaced at once. */
const WELL_MS = 10_000
const WAIT_MS_MIN = 100
const WAIT_MS_MAX = 10_000

/** How long to wait before a worker is replaced: one that ends again and again must not keep the machine busy. */
export class Pace {
  private early = 0

  /** To be asked when one has ended. In milliseconds. */
  waitMs(livedMs: number): number {
    this.early = livedMs < WELL_MS ? this.early + 1 : 0
    return this.early === 0 ? 0 : Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** (this.early - 1))
  }
}
