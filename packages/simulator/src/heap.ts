import { callOf, type TimelineItem } from './timeline.js'

interface Entry {
  readonly item: TimelineItem
  /** Items of the same instant come out in the order in which they went in. */
  readonly order: number
}

/** What is going to happen, soonest first. */
export class Heap {
  private readonly entries: Entry[] = []
  private pushed = 0

  push(...items: readonly TimelineItem[]): void {
    for (const item of items) this.sink({ item, order: this.pushed++ })
  }

  /** Takes out, in order, what happens before this second. */
  *popBefore(at: number): Generator<TimelineItem> {
    for (;;) {
      const first = this.entries[0]
      if (first === undefined || first.item.at >= at) return
      this.removeFirst()
      yield first.item
    }
  }

  /** The second of the last event of a call that is in here; -Infinity when there is none. */
  lastCallAt(): number {
    return this.entries.reduce(
      (last, { item }) => (callOf(item) === undefined ? last : Math.max(last, item.at)),
      -Infinity,
    )
  }

  /** Puts an entry at the end and moves it towards the root while it is sooner than its parent. */
  private sink(entry: Entry): void {
    let index = this.entries.length
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = this.entries[above]
      if (parent === undefined || !sooner(entry, parent)) break
      this.entries[index] = parent
      index = above
    }
    this.entries[index] = entry
  }

  /** Moves the last entry to the root and down again, past every sooner child. */
  private removeFirst(): void {
    const last = this.entries.pop()
    if (last === undefined || this.entries.length === 0) return
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      const [a, b] = [this.entries[left], this.entries[left + 1]]
      const child = b !== undefined && a !== undefined && sooner(b, a) ? left + 1 : left
      const least = this.entries[child]
      if (least === undefined || !sooner(least, last)) break
      this.entries[index] = least
      index = child
    }
    this.entries[index] = last
  }
}

function sooner(a: Entry, b: Entry): boolean {
  return a.item.at < b.item.at || (a.item.at === b.item.at && a.order < b.order)
}
