/** What `useSyncExternalStore` needs, and nothing of React. */
export interface Readable<Snapshot> {
  get(): Snapshot
  subscribe(listener: () => void): () => void
}

/** Runs something before the next picture; given by tests. */
export type Frame = (run: () => void) => void

/** Without a window to draw, as in a hidden tab, no frame comes: numbers in the title must stay true there too. */
const HIDDEN_FRAME_MS = 250

export const nextFrame: Frame = (run) => {
  let isDone = false
  const once = () => {
    if (isDone) return
    isDone = true
    clearTimeout(timer)
    run()
  }
  // A frame that was asked for in sight may never come: the tab may be hidden before it.
  const timer = setTimeout(once, HIDDEN_FRAME_MS)
  requestAnimationFrame(once)
}

/** An immutable value whose listeners hear of changes at most once a frame, however many events made them. */
export class Store<Snapshot> implements Readable<Snapshot> {
  #listeners = new Set<() => void>()
  #value: Snapshot
  #shown: Snapshot
  #scheduled = false

  constructor(
    initial: Snapshot,
    private readonly frame: Frame,
  ) {
    this.#value = initial
    this.#shown = initial
  }

  /** What is to be shown. It changes only together with a call to the listeners. */
  get = (): Snapshot => this.#shown

  /** The newest value, for the one who sets the next. */
  get latest(): Snapshot {
    return this.#value
  }

  set(value: Snapshot): void {
    this.#value = value
    if (this.#scheduled) return
    this.#scheduled = true
    this.frame(() => {
      this.#scheduled = false
      if (this.#shown === this.#value) return
      this.#shown = this.#value
      for (const listener of this.#listeners) listener()
    })
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
