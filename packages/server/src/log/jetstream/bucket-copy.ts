import type { StoreChange, StoreRecord } from '../log.js'
import { nameOf, parseValue, type RecordName, type Revision, subjectOf } from './bucket.js'

/** The bucket's records in memory, and who is told of their changes. */
export class BucketCopy {
  /** By subject. What was deleted has a revision too. */
  private revisions = new Map<string, Revision>()
  private readonly listeners = new Set<(change: StoreChange) => void>()

  constructor(private readonly onListenerError: (error: unknown) => void) {}

  get(subject: string): Revision | undefined {
    return this.revisions.get(subject)
  }

  /** The records of a kind, in key order. */
  all(kind: string): StoreRecord[] {
    const prefix = subjectOf({ kind, key: '' })
    const records: StoreRecord[] = []
    for (const { subject, text } of this.revisions.values()) {
      if (text === undefined || !subject.startsWith(prefix)) continue
      const name = nameOf(subject)
      if (name) records.push({ key: name.key, value: parseValue(text) })
    }
    return records.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
  }

  listen(listener: (change: StoreChange) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Takes the next message of the stream in. */
  apply(revision: Revision): void {
    const before = this.revisions.get(revision.subject)
    this.revisions.set(revision.subject, revision)
    if (revision.text !== undefined || before?.text !== undefined) this.tell(revision)
  }

  /**
   * Takes in all that the bucket has now. Tells of what differs from before, what is gone first.
   * @returns how many records are gone.
   */
  replace(now: Map<string, Revision>): number {
    const before = this.revisions
    this.revisions = now
    const gone = [...before.values()].filter(({ subject, text }) => text !== undefined && !now.has(subject))
    for (const revision of gone) this.tell({ ...revision, text: undefined })
    for (const revision of now.values()) if (before.get(revision.subject)?.text !== revision.text) this.tell(revision)
    return gone.length
  }

  private tell({ subject, text }: Revision): void {
    const name: RecordName | undefined = nameOf(subject)
    if (name === undefined) return
    for (const listener of this.listeners) {
      try {
        listener({ ...name, value: text === undefined ? undefined : parseValue(text) })
      } catch (error) {
        this.onListenerError(error)
      }
    }
  }
}
