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
   * Notes it at once. Resolves when it is durable, or the storage has refused it once or said nothing for
   * `WAIT_MS_MAX`: it is then kept in memory and tried again until it is taken. Never rejects.
   */
  record(workspace: string, entry: AuditEntry): Promise<void>
  /** Notes it soon, within `GATHER_MS` and what a write takes: for what comes in thousands, and nobody waits for. */
  note(workspace: string, entry: AuditEntry): void
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
/**
 * Between two appends of what nobody waits for, in ms. With an append for each handful of connects, these cost a processor
 * 155 µs each instead of 90.
 */
const GATHER_MS = 50
const CLOSE_MS_MAX = 2000
/** Whoever changes access is not held up longer than that by a cluster without a leader, in ms. */
const WAIT_MS_MAX = 2000

interface Waiting {
  readonly draft: LedgerDraft
  /** Undefined once it has been answered. */
  done: (() => void) | undefined
}

/**
 * What is noted is appended at once, and what comes while an append is under way, or soon after it, goes with the next: a
 * storm of connects is a few appends.
 *
 *     noted     [a]  [b][c][d]        [e]
 *     ledger    ── a ──▶   ── b c d ──▶   ── e ──▶
 */
export function createAudit({ ledger, clock, warn, server = randomUUID() }: AuditDeps): Audit {
  const queues = new Map<string, Waiting[]>()
  const running = new Map<string, Promise<void>>()
  const lost = new Map<string, number>()
  let closing = false
  /** Ends the pauses of workspaces between two appends. */
  const hurries = new Map<string, () => void>()

  async function run(workspace: string, queue: Waiting[]): Promise<void> {
    let isRefused = false
    do {
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
      // What is refused one is refused all: nobody waits for a storage that does not answer.
      for (const waiting of isRefused ? queue : batch) {
        waiting.done?.()
        waiting.done = undefined
      }
      if (isRefused && closing) break
      await pause(workspace, queue, isRefused ? AGAIN_MS : GATHER_MS)
    } while (queue.length > 0)
    // In one turn with the look at the queue: whoever comes next begins another run.
    if (queue.length === 0) queues.delete(workspace)
    running.delete(workspace)
  }

  function lostDraft(workspace: string, count: number): readonly LedgerDraft[] {
    if (count === 0) return []
    return [draftOf(workspace, { action: 'audit.lost', details: { count } }, clock.now(), server)]
  }

  async function pause(workspace: string, queue: readonly Waiting[], ms: number): Promise<void> {
    if (closing || queue.some(({ done }) => done !== undefined)) return
    let cancel = () => {}
    await new Promise<void>((resolve) => {
      hurries.set(workspace, resolve)
      cancel = clock.after(ms, resolve)
    })
    hurries.delete(workspace)
    cancel()
  }

  /** Puts it behind what waits. False when there is no room. */
  function push(workspace: string, entry: AuditEntry, done: Waiting['done']): boolean {
    const queue = queues.get(workspace) ?? []
    if (queue.length >= WAITING_MAX) {
      lost.set(workspace, (lost.get(workspace) ?? 0) + 1)
      return false
    }
    queues.set(workspace, queue)
    queue.push({ draft: draftOf(workspace, entry, clock.now(), server), done })
    if (!running.has(workspace)) running.set(workspace, run(workspace, queue))
    return true
  }

  const waiting = () => [...queues.values()].reduce((sum, queue) => sum + queue.length, 0)

  return {
    server,
    get waiting() {
      return waiting()
    },
    record(workspace, entry) {
      return new Promise((resolve) => {
        const cancel = clock.after(WAIT_MS_MAX, resolve)
        const done = () => {
          cancel()
          resolve()
        }
        if (push(workspace, entry, done)) hurries.get(workspace)?.()
        else done()
      })
    },
    note(workspace, entry) {
      push(workspace, entry, undefined)
    },
    async close() {
      closing = true
      for (const hurry of hurries.values()) hurry()
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
    // In the order of the canonical form, with room for what the ledger fills in: then it is written without being sorted.
    fields: {
      action,
      actor: { key_id: actor?.keyId ?? null, kind: actor?.kind ?? null, token_id: actor?.tokenId ?? null },
      address: address === '' ? null : address,
      details,
      personal_data: personalData,
      previous: '',
      request_id: requestId,
      sequence: 0,
      server,
      target: target ?? { id: workspace, kind: 'workspace' },
      time: '',
      workspace_id: workspace,
    },
  }
}
