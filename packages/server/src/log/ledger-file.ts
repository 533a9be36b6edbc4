import { type ChainPlace, SwitchboardError } from '@switchboard/contract'
import type { Operation } from './commits.js'
import type { Environment } from './environment.js'
import type { Faults } from './faults.js'
import type { Group } from './group.js'
import { endOf, numbered, numberOf, storeKey } from './keys.js'
import { headOf, type Ledger, type LedgerDraft, type LedgerHead, type LedgerRecord, link } from './ledger.js'
import { sealJson, sealText, unseal } from './seal.js'

/**
 * How chains are kept in the table of stored records, where a server that does not know them leaves them alone:
 *
 *     audit-head    workspace                    the place and the time of the newest record
 *     audit         workspace / u64(first)       a page: its records, as a JSON array
 */
const HEAD = 'audit-head'
const PAGE = 'audit'

/** Pages that one step of retention removes. */
const RETAIN_STEP = 100

/** Ledgers of a file, as each process that has it open reads them. */
export abstract class LedgerFile implements Ledger {
  constructor(
    protected readonly environment: Environment,
    private readonly faults: Faults,
    /** Called before a read: what another process has written is to be seen. */
    private readonly renew: () => void = () => {},
  ) {}

  abstract append(workspace: string, drafts: readonly LedgerDraft[]): Promise<void>
  abstract retain(workspace: string, before: number): Promise<number>

  async head(workspace: string): Promise<ChainPlace | undefined> {
    this.renew()
    const head = this.readHead(workspace, (key) => this.environment.get('store', key))
    return head && { sequence: head.sequence, hash: head.hash }
  }

  async read(workspace: string, from: number, count: number): Promise<readonly LedgerRecord[]> {
    this.renew()
    const prefix = pagePrefix(workspace)
    const records: LedgerRecord[] = []
    const end = endOf(prefix)
    // The page that the record is in begins with it or before it.
    const before = { start: numbered(prefix, from), end: prefix, reverse: true, limit: 1 }
    const [first] = [...this.environment.keys('store', before)]
    for (const { key, value } of this.environment.range('store', { start: first ?? numbered(prefix, from), end })) {
      for (const record of this.open(key, value)) if (record.sequence >= from) records.push(record)
      if (records.length >= count) break
    }
    return records
  }

  protected readHead(workspace: string, get: (key: Buffer) => Buffer | undefined): LedgerHead | undefined {
    const key = storeKey(HEAD, workspace)
    const value = get(key)
    const payload = value && unseal(key, value)
    if (payload) return JSON.parse(payload.toString())
    if (value === undefined) return undefined
    // It says nothing that the newest page does not say.
    this.faults.damaged('the head of an audit trail')
    const newest = { start: endOf(pagePrefix(workspace)), end: pagePrefix(workspace), reverse: true, limit: 1 }
    const [row] = [...this.environment.range('store', newest)]
    const last = row && this.open(row.key, row.value).at(-1)
    if (last) return headOf(last)
    throw new SwitchboardError('storage_fault', 'the end of an audit trail cannot be read: nothing is linked to it')
  }

  /** The records of a page. Of one that is damaged none: whoever verifies the chain finds them missing. */
  protected open(key: Buffer, value: Buffer): readonly LedgerRecord[] {
    const payload = unseal(key, value)
    if (payload) return JSON.parse(payload.toString())
    this.faults.damaged(`a page of an audit trail, from record ${numberOf(key)} on`)
    return []
  }
}

/** Ledgers of the process that writes the file. */
export class LmdbLedger extends LedgerFile {
  constructor(
    environment: Environment,
    faults: Faults,
    private readonly push: (operation: Operation) => void,
  ) {
    super(environment, faults)
  }

  append(workspace: string, drafts: readonly LedgerDraft[]): Promise<void> {
    if (drafts.length === 0) return Promise.resolve()
    return this.commit(drafts.length, ({ draft }) => {
      // The group sees what waits in it: two appends of one flush are linked to each other.
      const before = this.readHead(workspace, (key) => draft.get('store', key))
      const { json, head } = link(workspace, before, drafts)
      const page = numbered(pagePrefix(workspace), (before?.sequence ?? 0) + 1)
      const headKey = storeKey(HEAD, workspace)
      draft.put('store', page, sealText(page, json))
      draft.put('store', headKey, sealJson(headKey, head))
    })
  }

  async retain(workspace: string, before: number): Promise<number> {
    let removed = 0
    for (let step = RETAIN_STEP; step === RETAIN_STEP; ) {
      step = 0
      const prefix = pagePrefix(workspace)
      await this.commit(0, ({ draft }) => {
        const range = { start: numbered(prefix, 0), end: endOf(prefix), limit: RETAIN_STEP + 1 }
        const rows = [...this.environment.range('store', range)]
        // Never the last one: it says what comes next is linked to.
        for (const { key, value } of rows.slice(0, -1)) {
          const records = this.open(key, value)
          const last = records.at(-1)
          if (last !== undefined && Date.parse(last.time) >= before) break
          draft.remove('store', key)
          step += 1
          removed += records.length
        }
      })
    }
    return removed
  }

  private commit(entries: number, prepare: (group: Group) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (error: SwitchboardError) => reject(error)
      // What reads rows is alone: it would not see what others plan.
      const alone = entries === 0
      this.push({ entries, chars: 0, alone, whenFull: alone, prepare, done: () => resolve(), failed })
    })
  }
}

function pagePrefix(workspace: string): Buffer {
  return storeKey(PAGE, `${workspace}/`)
}
