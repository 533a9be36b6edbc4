import type { Ledger } from '../log/ledger.js'

/** What is kept of a chain: the first sequence and the last. */
export interface Kept {
  readonly first: number
  readonly last: number
  /** The hash of the record before the first. */
  readonly previous: string
}

/** Undefined while there is no record. */
export async function keptOf(ledger: Ledger, workspace: string): Promise<Kept | undefined> {
  const head = await ledger.head(workspace)
  const [first] = head ? await ledger.read(workspace, 1, 1) : []
  return head && first && { first: first.sequence, last: head.sequence, previous: first.previous }
}

/** The first record that was noted at a time (unix ms) or later, or one more than the last: times never run backwards. */
export async function firstSince(ledger: Ledger, workspace: string, kept: Kept, time: number): Promise<number> {
  let { first: low } = kept
  let high = kept.last + 1
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const [record] = await ledger.read(workspace, middle, 1)
    if (record && Date.parse(record.time) < time) low = middle + 1
    else high = middle
  }
  return low
}
