/** What has to be closed again when a start fails half-way: the last opened first. */
export class Undo {
  readonly #steps: (() => Promise<void> | void)[] = []

  /** Remembers how to close a part, and gives it back. */
  later<T>(part: T, close: (part: T) => Promise<void> | void): T {
    this.#steps.push(() => close(part))
    return part
  }

  /** Closes all of it. A part that cannot be closed keeps no other from being closed. */
  async all(): Promise<void> {
    for (const step of this.#steps.reverse())
      await Promise.resolve()
        .then(step)
        .catch(() => {})
  }
}
