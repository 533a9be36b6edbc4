import { setTimeout } from 'node:timers/promises'
import { Switchboard } from '@switchboard/sdk'
import type { TestServer } from '../../kit.js'
import type { Home } from './homes.js'
import type { Ledger } from './ledger.js'

export const CALL = 'CA0000000000000000000000000000c1a5'

/** Between two events of one publisher, in ms: the servers have something to do, and so have the faults to hit. */
const PACE_MS = 15
/** Before something is sent again. */
const AGAIN_MS = 50

/** The event `n`, from one of several publishers. */
export const numbered = (n: number, publisher: number) => ({
  event_type: 'pipeline.sync_completed' as const,
  data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05',
  event_count: n,
  duration_ms: publisher,
})

/** What a call says for the number `n`. */
export const spoken = (n: number, publisher: number) => ({
  type: 'user_transcript' as const,
  transcript: `${n} ${publisher}`,
  speaker_role: 'caller' as const,
})

/** Sends something with a key until it is acknowledged, and answers with its position. */
export type Send = (n: number, publisher: number, key: string) => Promise<string | undefined>

/** By hand: whatever is not acknowledged is sent again with its key, elsewhere when nobody answers. */
export function sendByHand(gateway: TestServer, home: Home, to: 'workspace' | 'call'): Send {
  const path = to === 'workspace' ? 'events' : `calls/${CALL}/events`
  const make = to === 'workspace' ? numbered : spoken
  return async (n, publisher, key) => {
    const body = JSON.stringify(make(n, publisher))
    const headers = { ...gateway.headers(), 'content-type': 'application/json', 'idempotency-key': key }
    for (;;) {
      const { url } = home
      try {
        const answer = await fetch(`${url}/v1/${gateway.workspace}/${path}`, { method: 'POST', headers, body })
        const text = await answer.text()
        if (answer.status === 201) return (JSON.parse(text) as { ids: string[] }).ids[0]
        if (answer.status < 500) throw new Refused(`event ${n} was refused: ${answer.status} ${text}`)
      } catch (error) {
        if (error instanceof Refused) throw error
        home.leave(url)
      }
      await setTimeout(AGAIN_MS)
    }
  }
}

/**
 * With the SDK, which gives up when its patience is over: a test fails then.
 * @param patienceMs Default: the SDK's own, 30 s.
 */
export function sendWithSdk(gateway: TestServer, home: Home, patienceMs?: number): Send {
  const { url: baseUrl, workspace: workspaceId, adminKey: credential } = gateway
  const requests = patienceMs === undefined ? {} : { totalMs: patienceMs, attempts: Number.POSITIVE_INFINITY }
  const client = new Switchboard({ baseUrl, workspaceId, credential, fetch: home.fetch, requests })
  return async (n, publisher, idempotencyKey) => {
    const { ids } = await client.events.publish(numbered(n, publisher), { idempotencyKey })
    return ids[0]
  }
}

class Refused extends Error {}

/** Publishes number after number, each acknowledged before the next is sent, until it is stopped. It can be held between two. */
export class Publisher {
  private isOver = false
  private gate: Promise<void> = Promise.resolve()
  private isHeld = false
  private open = () => {}
  private standing: (() => void) | undefined
  private failure: unknown
  /** How many it has had acknowledged. */
  count = 0

  constructor(
    readonly index: number,
    private readonly ledger: Ledger,
    private readonly send: Send,
  ) {
    void this.run().catch((error) => {
      this.failure = error
      this.standing?.()
    })
  }

  /** Resolves when nothing of it is under way, and keeps it so. */
  async hold(): Promise<void> {
    this.gate = new Promise((resolve) => {
      this.open = resolve
    })
    this.isHeld = true
    await new Promise<void>((resolve) => {
      this.standing = resolve
      if (this.failure !== undefined) resolve()
    })
    if (this.failure !== undefined) throw this.failure
  }

  /** @throws what ended it too early. */
  assertWell(): void {
    if (this.failure !== undefined) throw this.failure
  }

  /** Lets it go on. */
  release(): void {
    this.isHeld = false
    this.open()
  }

  stop(): void {
    this.isOver = true
    this.open()
  }

  private async run(): Promise<void> {
    while (!this.isOver) {
      if (this.isHeld) {
        this.standing?.()
        await this.gate
        continue
      }
      const n = this.ledger.take()
      const sentAt = performance.now()
      const id = await this.send(n, this.index, `${this.index}-${n}`)
      this.ledger.acknowledge(n, id, sentAt)
      this.count += 1
      await setTimeout(PACE_MS)
    }
  }
}
