import { randomUUID } from 'node:crypto'
import type { AuditRecord, JsonObject } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import type { Engine, Store, StoreRecord } from '../log/log.js'
import { type AuditEntry, draftOf } from './audit.js'
import { firstSince, keptOf } from './find.js'

/** Processes that serve, as stored records: who has died without a word is found by it. */
const KIND = 'audit-process'
/** How often a process says that it lives, in ms. */
const ALIVE_MS = 30_000
/** One that has said nothing for this long is dead, in ms: clocks of machines may differ by some of it. */
export const SILENT_MS_MAX = 150_000
/** Records read, and written, at a time. */
const READ_RECORDS = 500

/**
 * Says that this process lives until it is ended, so that streams it leaves open by dying are found to have ended.
 * @returns ends it; `isClean` false when streams of it may still be open.
 */
export async function stayAlive(
  store: Store,
  clock: Clock,
  server: string,
): Promise<(isClean: boolean) => Promise<void>> {
  const startedAt = clock.now()
  let cancel = () => {}
  let ended = false
  // Who cannot say it, on a full disk, serves all the same; it is taken for dead, and is there again when it can.
  const say = () =>
    store.put(KIND, server, { pid: process.pid, started_at: startedAt, seen_at: clock.now() }).catch(() => false)
  const wait = () => {
    cancel = clock.after(ALIVE_MS, () => {
      void say().then(() => ended || wait())
    })
  }
  await say()
  wait()
  return async (isClean) => {
    ended = true
    cancel()
    if (isClean) await store.delete(KIND, server).catch(() => false)
  }
}

export interface Reckoning {
  readonly engine: Pick<Engine, 'store' | 'ledger'>
  readonly clock: Clock
  /** This process, if it serves. */
  readonly server: string | undefined
  readonly workspaces: () => Promise<readonly { readonly id: string }[]>
}

/**
 * Notes the end, of unknown cause, of every stream that a process has left open by dying.
 * @param isDead Whether one has died; `seenAt` is when it said last that it lives, in unix ms.
 */
export async function reckon(
  { engine, clock, server: own, workspaces }: Reckoning,
  isDead: (process: { readonly pid: unknown; readonly seenAt: number }) => boolean,
): Promise<void> {
  const { store, ledger } = engine
  const by = own ?? randomUUID()
  for (const { key: server, value } of await store.all(KIND)) {
    if (server === own || !isDead({ pid: value.pid, seenAt: Number(value.seen_at) })) continue
    // Of several processes that find it, one does it. Should that one die over it, it is found again.
    const taken: JsonObject = { ...value, seen_at: clock.now() }
    if (!(await store.put(KIND, server, taken, { replaces: value }))) continue
    for (const { id } of await workspaces()) {
      const open = await leftOpen(id, server, value)
      for (let at = 0; at < open.length; at += READ_RECORDS) {
        const drafts = open.slice(at, at + READ_RECORDS).map((entry) => draftOf(id, entry, clock.now(), by))
        await ledger.append(id, drafts)
      }
    }
    await store.delete(KIND, server)
  }

  async function leftOpen(
    workspace: string,
    server: string,
    { started_at: startedAt }: StoreRecord['value'],
  ): Promise<AuditEntry[]> {
    const kept = await keptOf(ledger, workspace)
    if (kept === undefined) return []
    const open = new Map<unknown, AuditEntry>()
    for (let at = await firstSince(ledger, workspace, kept, Number(startedAt)); at <= kept.last; ) {
      const records = await ledger.read(workspace, at, READ_RECORDS)
      for (const record of records as unknown as readonly AuditRecord[]) {
        const { stream, process = record.server } = record.details
        if (process !== server) continue
        if (record.action.endsWith('.opened')) open.set(stream, unknownEnd(record))
        else if (record.action.endsWith('.ended')) open.delete(stream)
      }
      at = (records.at(-1)?.sequence ?? kept.last) + 1
    }
    return [...open.values()]
  }
}

function unknownEnd(opened: AuditRecord): AuditEntry {
  const { action, actor, target, personal_data, request_id, address, server, time, details } = opened
  return {
    action: action === 'observer.opened' ? 'observer.ended' : 'stream.ended',
    actor: actorOf(actor),
    target,
    personalData: personal_data,
    requestId: request_id ?? undefined,
    address: address ?? undefined,
    details: { stream: details.stream, process: server, opened_at: time, reason: 'unknown' },
  }
}

function actorOf({ kind, key_id: keyId, token_id: tokenId }: AuditRecord['actor']): AuditEntry['actor'] {
  return kind === null || keyId === null ? undefined : { kind, keyId, tokenId: tokenId ?? undefined }
}
