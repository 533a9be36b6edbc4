import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import type { ChainPlace } from '@switchboard/contract'
import type { Clock } from '../../clock.js'
import { headOf, type Ledger, type LedgerDraft, type LedgerRecord, link } from '../ledger.js'
import { type Revision, revisionOf } from './bucket.js'
import { BucketWriter, unavailable } from './bucket-writer.js'
import { AUDIT_STREAM, auditSubject } from './names.js'
import { patiently, within } from './patience.js'

/** How long an append is tried while the stream has no leader, and a read, in ms. */
const APPEND_MS_MAX = 20_000
const READ_MS_MAX = 5_000
const REQUEST_MS_MAX = 1_500

export interface StreamLedgerDeps {
  readonly jetstream: Pick<JetStreamClient, 'publish'>
  readonly jsm: JetStreamManager
  readonly clock: Clock
}

/**
 * Ledgers over a stream of their own: a subject for each workspace, a message for each page. A page is stored only behind
 * the message that it was linked to, so that of several gateways one wins, and the others link anew.
 */
export class StreamLedger implements Ledger {
  private readonly writer: BucketWriter

  constructor(private readonly deps: StreamLedgerDeps) {
    this.writer = new BucketWriter({ ...deps, stream: AUDIT_STREAM })
  }

  async append(workspace: string, drafts: readonly LedgerDraft[]): Promise<void> {
    if (drafts.length === 0) return
    const subject = auditSubject(workspace)
    const until = this.deps.clock.monotonic() + APPEND_MS_MAX
    for (;;) {
      const newest = await this.writer.newest(subject, until)
      const last = newest && recordsOf(newest).at(-1)
      const { json } = link(workspace, last && headOf(last), drafts)
      const sequence = await this.writer.write(subject, `{"records":${json}}`, newest?.sequence ?? 0, until)
      if (sequence !== undefined) return
      if (this.deps.clock.monotonic() >= until) throw unavailable('Others write the same audit trail all the time.')
    }
  }

  async head(workspace: string): Promise<ChainPlace | undefined> {
    const newest = await this.newest(workspace)
    const last = newest && recordsOf(newest).at(-1)
    return last && { sequence: last.sequence, hash: last.hash }
  }

  async read(workspace: string, from: number, count: number): Promise<readonly LedgerRecord[]> {
    const newest = await this.newest(workspace)
    if (newest === undefined) return []
    const records: LedgerRecord[] = []
    let page = await this.pageOf(workspace, newest, from)
    while (page) {
      for (const record of recordsOf(page)) if (record.sequence >= from) records.push(record)
      if (records.length >= count || page.sequence >= newest.sequence) break
      page = await this.get(workspace, page.sequence + 1)
    }
    return records
  }

  async retain(workspace: string, before: number): Promise<number> {
    const newest = await this.newest(workspace)
    let removed = 0
    let page = newest && (await this.get(workspace, 1))
    // Never the newest: it says what comes next is linked to.
    while (newest && page && page.sequence < newest.sequence) {
      const records = recordsOf(page)
      const last = records.at(-1)
      if (last !== undefined && Date.parse(last.time) >= before) break
      removed += records.length
      page = await this.get(workspace, page.sequence + 1)
    }
    if (page && removed > 0) {
      const older = { filter: auditSubject(workspace), seq: page.sequence }
      await this.ask(() => this.deps.jsm.streams.purge(AUDIT_STREAM, older))
    }
    return removed
  }

  /** The page that a record is in, or the next that is kept: pages are found by halves, for their messages are in order. */
  private async pageOf(workspace: string, newest: Revision, from: number): Promise<Revision | undefined> {
    let low = 1
    let high = newest.sequence
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const page = await this.get(workspace, middle)
      if (page === undefined) return undefined
      const last = recordsOf(page).at(-1)?.sequence ?? 0
      if (last < from) low = page.sequence + 1
      else high = middle
    }
    const page = await this.get(workspace, low)
    return page && (recordsOf(page).at(-1)?.sequence ?? 0) >= from ? page : undefined
  }

  private newest(workspace: string): Promise<Revision | undefined> {
    return this.writer.newest(auditSubject(workspace), this.deps.clock.monotonic() + READ_MS_MAX)
  }

  /** The workspace's next page from a message of the stream on. */
  private async get(workspace: string, sequence: number): Promise<Revision | undefined> {
    const asked = { seq: sequence, next_by_subj: auditSubject(workspace) }
    const message = await this.ask(() => this.deps.jsm.streams.getMessage(AUDIT_STREAM, asked))
    return message ? revisionOf(message) : undefined
  }

  private ask<T>(request: () => Promise<T>): Promise<T> {
    const { clock } = this.deps
    const late = () => {
      throw unavailable('The NATS servers do not answer.')
    }
    return patiently(clock, READ_MS_MAX, () => within(clock, REQUEST_MS_MAX, request(), late))
  }
}

function recordsOf({ text }: Revision): readonly LedgerRecord[] {
  return text === undefined ? [] : JSON.parse(text).records
}
