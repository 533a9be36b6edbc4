import { randomUUID } from 'node:crypto'
import type { AuditAction, AuditRecord, JsonObject } from '@switchboard/contract'
import type { Principal } from '../access/principal.js'
import type { Clock } from '../clock.js'
import type { Ledger, LedgerDraft } from '../log/ledger.js'

/** What somebody did, as the audit trail of a workspace tells it. It holds no secret and nothing of an event. */
export interface AuditEntry {
  readonly action: AuditAction
  /** Who did it; undefined: the server by itself. */
  readonly actor?: Actor | undefined
  /** What it was done to. Default: the workspace. */
  readonly target?: AuditRecord['target'] | undefined
  /** Whether personal data were shown. Default: none were. */
  readonly personalData?: AuditRecord['personal_data'] | undefined
  readonly requestId?: string | undefined
  /** Where it came from. */
  readonly address?: string | undefined
  readonly details?: JsonObject | undefined
}

export type Actor = Pick<Principal, 'kind' | 'keyId' | 'tokenId'>

/** Who watched, read and changed what: an append-only trail for each workspace (docs/decisions/0015). */
export interface Audit {
  /** Names this process in its records. */
  readonly server: string
  /**
   * Notes it. Resolves when it is durable, or the storage has refused it once: it is then kept in memory and tried again
   * until it is taken. Never rejects; nobody has to wait for it.
   */
  record(workspace: string, entry: AuditEntry): Promise<void>
  /** Records that are not durable yet. */
  readonly waiting: number
  /** Resolves when all that was noted before is durable, at the latest after `CLOSE_MS_MAX`. */
  close(): Promise<void>
}

export interface AuditDeps {
  readonly ledger: Pick<Ledger, 'append'>
  readonly clock: Clock
  /** Told, in one line without secrets, when records cannot be kept. */
  readonly warn: (line: string) => void
  /** Default: a new one. */
  readonly server?: string
}

/** Records of one append: about 350 KB, where NATS servers take 1 MiB. */
const BATCH_MAX = 500
/** Records of a workspace that wait for a storage that refuses them: about 10 MB. What comes then is counted. */
const WAITING_MAX = 20_000
/** The time between two attempts, in ms. */
const AGAIN_MS = 1000
const CLOSE_MS_MAX = 5000

interface Waiting {
  readonly draft: LedgerDraft
  /** Undefined once it has been answered. */
  done: (() => void) | undefined
}

/**
 * Whatever is noted while an append is under way goes with the next one: a storm of connects is a few appends.
 *
 *     noted     [a]  [b][c][d]        [e]
 *     ledger    ── a ──▶── b c d ──▶── e ──▶
 */
export function createAudit({ ledger, clock, warn, server = randomUUID() }: AuditDeps): Audit {
  const queues = new Map<string, Waiting[]>()
  const running = new Map<string, Promise<void>>()
  const lost = new Map<string, number>()
  let closing = false
  /** Ends a pause between two attempts. */
  let hurry = new Set<() => void>()

  async function run(workspace: string, queue: Waiting[]): Promise<void> {
    let isRefused = false
    while (queue.length > 0) {
      const batch = queue.slice(0, BATCH_MAX)
      try {
        const missing = lost.get(workspace) ?? 0
        await ledger.append(workspace, [...lostDraft(workspace, missing), ...batch.map(({ draft }) => draft)])
        if (missing > 0) lost.set(workspace, (lost.get(workspace) ?? 0) - missing)
        queue.splice(0, batch.length)
        isRefused = false
      } catch (error) {
        if (!isRefused) warn(`Records of an audit trail wait to be kept: ${(error as Error).message}`)
        isRefused = true
      }
      for (const waiting of batch) {
        waiting.done?.()
        waiting.done = undefined
      }
      if (!isRefused) continue
      if (closing) break
      await pause()
    }
    // In one turn with the look at the queue: whoever comes next begins another run.
    if (queue.length === 0) queues.delete(workspace)
    running.delete(workspace)
  }

  function lostDraft(workspace: string, count: number): readonly LedgerDraft[] {
    if (count === 0) return []
    return [draftOf(workspace, { action: 'audit.lost', details: { count } }, clock.now(), server)]
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      hurry.add(resolve)
      clock.after(AGAIN_MS, resolve)
    })
  }

  const waiting = () => [...queues.values()].reduce((sum, queue) => sum + queue.length, 0)

  return {
    server,
    get waiting() {
      return waiting()
    },
    record(workspace, entry) {
      const queue = queues.get(workspace) ?? []
      if (queue.length >= WAITING_MAX) {
        lost.set(workspace, (lost.get(workspace) ?? 0) + 1)
        return Promise.resolve()
      }
      queues.set(workspace, queue)
      return new Promise((resolve) => {
        queue.push({ draft: draftOf(workspace, entry, clock.now(), server), done: resolve })
        if (!running.has(workspace)) running.set(workspace, run(workspace, queue))
      })
    },
    async close() {
      closing = true
      const waking = hurry
      hurry = new Set()
      for (const wake of waking) wake()
      let cancel = () => {}
      const late = new Promise<void>((resolve) => {
        cancel = clock.after(CLOSE_MS_MAX, resolve)
      })
      await Promise.race([Promise.all(running.values()), late])
      cancel()
      const left = waiting()
      if (left > 0) warn(`${left} records of audit trails were not kept: the storage refused them to the end`)
    },
  }
}

/** An entry as a ledger takes it. */
export function draftOf(workspace: string, entry: AuditEntry, time: number, server: string): LedgerDraft {
  const { action, actor, target, personalData = 'none', requestId = null, address = null, details = {} } = entry
  return {
    time,
    fields: {
      actor: { kind: actor?.kind ?? null, key_id: actor?.keyId ?? null, token_id: actor?.tokenId ?? null },
      action,
      target: target ?? { kind: 'workspace', id: workspace },
      personal_data: personalData,
      request_id: requestId,
      address: address === '' ? null : address,
      server,
      details,
    },
  }
}
