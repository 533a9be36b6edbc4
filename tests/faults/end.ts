/** What is to be taken away in the end, the latest first: servers, folders, mounts. */
export class End {
  private readonly ends: (() => Promise<unknown> | unknown)[] = []

  add(end: () => Promise<unknown> | unknown): void {
    this.ends.push(end)
  }

  /** Each once, whoever asks for it, and whatever another of them throws. */
  async all(): Promise<void> {
    for (let end = this.ends.pop(); end !== undefined; end = this.ends.pop()) {
      try {
        await end()
      } catch (error) {
        console.error(`cannot be taken away: ${(error as Error).message}`)
      }
    }
  }
}
