import type { AuditOptions, AuditRecord, Switchboard } from '@switchboard/sdk'
import { reason, type Unanswered, unanswered } from './asked.js'
import { type Frame, Store } from './store.js'

/** Records that are shown at first, and more at a time. */
export const TRAIL_PAGE = 50

export type TrailSnapshot =
  | Unanswered
  | {
      readonly kind: 'ready'
      /** The newest first. */
      readonly records: readonly AuditRecord[]
      readonly hasMore: boolean
      readonly busy: boolean
      /** Why the last page had no answer. */
      readonly wrong: string | undefined
    }

export interface TrailStoreOptions {
  readonly switchboard: Pick<Switchboard, 'audit'>
  readonly frame: Frame
  /** What of the trail. Default: all. */
  readonly wanted?: Pick<AuditOptions, 'action' | 'callSid'>
}

/** The audit trail, page by page. It is read when it is asked for, and not again by itself: reading it is noted in it. */
export class TrailStore extends Store<TrailSnapshot> {
  readonly #options: TrailStoreOptions
  #rest: AsyncIterator<AuditRecord> | undefined

  constructor(options: TrailStoreOptions) {
    super({ kind: 'loading' }, options.frame)
    this.#options = options
  }

  async load(): Promise<void> {
    this.set({ kind: 'loading' })
    const { switchboard, wanted } = this.#options
    this.#rest = switchboard.audit.list({ ...wanted, order: 'newest', pageSize: TRAIL_PAGE })
    try {
      this.set({ kind: 'ready', ...(await this.#page(this.#rest)), busy: false, wrong: undefined })
    } catch (error) {
      this.set(unanswered(error, 'audit:read'))
    }
  }

  /** Reads on, once at a time. */
  async more(): Promise<void> {
    const before = this.latest
    const rest = this.#rest
    if (before.kind !== 'ready' || before.busy || rest === undefined) return
    this.set({ ...before, busy: true, wrong: undefined })
    try {
      const page = await this.#page(rest)
      this.set({ ...before, ...page, records: [...before.records, ...page.records], busy: false, wrong: undefined })
    } catch (error) {
      // A reading that has failed is over: the trail is begun again.
      this.set({ ...before, hasMore: false, busy: false, wrong: reason(error) })
    }
  }

  async #page(rest: AsyncIterator<AuditRecord>): Promise<{ records: readonly AuditRecord[]; hasMore: boolean }> {
    const records: AuditRecord[] = []
    while (records.length < TRAIL_PAGE) {
      const next = await rest.next()
      if (next.done) return { records, hasMore: false }
      records.push(next.value)
    }
    return { records, hasMore: true }
  }
}
