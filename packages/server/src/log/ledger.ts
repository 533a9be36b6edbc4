import { hash as digest } from 'node:crypto'
import { AUDIT_GENESIS, type ChainPlace, canonicalJson, type JsonObject } from '@switchboard/contract'

/** A record on its way into a ledger. */
export interface LedgerDraft {
  /** Unix ms. */
  readonly time: number
  /** All that the record says, but for its place. */
  readonly fields: JsonObject
}

/** A record in its place: `sequence`, `time`, `workspace_id`, `previous` and `hash` beside what the draft says. */
export type LedgerRecord = JsonObject & ChainPlace & { readonly time: string; readonly previous: string }

/**
 * Chains of records beside the log, one for each workspace, kept longer than events (docs/decisions/0015).
 *
 *     page [1 2 3] ◀── page [4] ◀── page [5 6 7 8] = head       a page is what one append has brought
 *
 * L1  Durable. `append` resolves when the records would survive the death of the process and a power cut.
 * L2  One chain. Whoever writes links: of several processes that append at once, each record has exactly one before it.
 *     Sequences of a workspace are 1, 2, 3 without a gap, and `time` never runs backwards.
 * L3  Append-only. There is no way to change a record. `retain` takes whole pages off the old end, never the newest.
 * L4  Read your writes. `head` and `read` know every record that any process was told is durable.
 */
export interface Ledger {
  /**
   * Links the records behind the newest one, all or none of them.
   * @throws SwitchboardError `storage_full`, `storage_fault`, `unavailable`; after `unavailable` they may be there.
   */
  append(workspace: string, drafts: readonly LedgerDraft[]): Promise<void>
  /** The newest record's place, or undefined while there is none. */
  head(workspace: string): Promise<ChainPlace | undefined>
  /**
   * Records from a sequence on, in order: those of about `count` records' pages, at least one if there is one. From the
   * oldest kept when the sequence is no longer there.
   */
  read(workspace: string, from: number, count: number): Promise<readonly LedgerRecord[]>
  /** Removes pages whose records are all older than `before` (unix ms). Answers how many went. */
  retain(workspace: string, before: number): Promise<number>
}

export function sha256(text: string): string {
  return digest('sha256', text)
}

/** The newest record, as what comes next is linked to it. */
export interface LedgerHead extends ChainPlace {
  /** Unix ms. */
  readonly time: number
}

/** Records in their places as the JSON that a page holds, and the head that comes of them. */
export function link(
  workspace: string,
  head: LedgerHead | undefined,
  drafts: readonly LedgerDraft[],
): { readonly json: string; readonly head: LedgerHead | undefined } {
  const texts: string[] = []
  let at = head
  for (const draft of drafts) {
    const time = Math.max(at?.time ?? 0, draft.time)
    const place = {
      ...draft.fields,
      sequence: (at?.sequence ?? 0) + 1,
      time: new Date(time).toISOString(),
      workspace_id: workspace,
      previous: at?.hash ?? AUDIT_GENESIS,
    }
    // Written once: what is hashed is what is kept.
    const text = canonicalJson(place)
    const hash = sha256(text)
    texts.push(`${text.slice(0, -1)},"hash":"${hash}"}`)
    at = { sequence: place.sequence, hash, time }
  }
  return { json: `[${texts.join(',')}]`, head: at }
}

export function headOf(record: LedgerRecord): LedgerHead {
  return { sequence: record.sequence, hash: record.hash, time: Date.parse(record.time) }
}
