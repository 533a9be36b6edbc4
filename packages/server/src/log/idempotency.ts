import { type Position, SwitchboardError } from '@switchboard/contract'
import type { Draft } from './draft.js'
import type { Environment } from './environment.js'
import type { Faults } from './faults.js'
import { PRESENT } from './heads.js'
import { idempotencyKey, NUMBER_BYTES, timed } from './keys.js'
import type { Channel, Idempotency } from './log.js'
import { sealJson, unseal } from './seal.js'

/** Expired keys forgotten in one step. */
export const SWEEP_STEP = 2000

/** What a key stood for. `runs` are its positions: time, first sequence, how many. A batch is one run, or a few. */
export interface Remembered {
  readonly fingerprint: string
  readonly expires: number
  readonly runs: readonly (readonly [number, number, number])[]
}

/** Remembers which keys were stored, in the same transaction as what they stand for (P5). */
export class IdempotencyKeys {
  constructor(
    private readonly environment: Environment,
    private readonly faults: Faults,
    private readonly windowMs: number,
  ) {}

  /**
   * The positions given the first time, or undefined for a key that is new or forgotten.
   * @throws SwitchboardError `idempotency_key_reused` when it stood for something else.
   */
  recall(
    draft: Draft,
    channel: Channel,
    key: Buffer,
    scope: 'request' | 'event',
    idempotency: Idempotency,
    now: number,
  ): readonly Position[] | undefined {
    const name = idempotencyKey(key, scope, idempotency.key)
    const value = draft.get('idempotency', name)
    if (value === undefined) return undefined
    const remembered = readRemembered(name, value)
    if (remembered === undefined) {
      this.faults.damaged('the record of an idempotency key', channel)
      throw new SwitchboardError(
        'storage_fault',
        'what this idempotency key stands for is damaged; to store it again could store it twice',
      )
    }
    if (remembered.expires <= now) return undefined
    if (remembered.fingerprint !== idempotency.fingerprint) {
      throw new SwitchboardError(
        'idempotency_key_reused',
        `this ${scope === 'request' ? 'Idempotency-Key' : 'idempotency_key'} was used with another body before`,
      )
    }
    return positionsOf(remembered)
  }

  remember(
    draft: Draft,
    channel: Buffer,
    scope: 'request' | 'event',
    { key, fingerprint }: Idempotency,
    positions: readonly Position[],
    now: number,
  ): void {
    this.adopt(draft, channel, scope, key, { fingerprint, expires: now + this.windowMs, runs: runsOf(positions) })
  }

  /** Remembers what is known of a key already. */
  adopt(draft: Draft, channel: Buffer, scope: 'request' | 'event', key: string, remembered: Remembered): void {
    const { fingerprint, expires, runs } = remembered
    const name = idempotencyKey(channel, scope, key)
    draft.put('idempotency', name, sealJson(name, { fingerprint, expires, runs } satisfies Remembered))
    draft.put('expiry', timed(expires, name), PRESENT)
  }

  /** Plans to forget up to SWEEP_STEP keys that have expired. Answers how many rows it looked at. */
  sweep(draft: Draft, now: number): number {
    const due = { start: Buffer.alloc(NUMBER_BYTES), end: timed(now + 1, Buffer.alloc(0)), limit: SWEEP_STEP }
    let seen = 0
    for (const row of this.environment.keys('expiry', due)) {
      seen++
      draft.remove('expiry', row)
      const name = row.subarray(NUMBER_BYTES)
      const value = this.environment.get('idempotency', name)
      // The key may have been used again since: then this row speaks of its former life.
      if (value && (readRemembered(name, value)?.expires ?? 0) <= now) draft.remove('idempotency', name)
    }
    return seen
  }
}

/** The row of the table `expiry` that belongs to a stored key; undefined when the key is damaged. */
export function expiryOf(name: Buffer, value: Buffer): Buffer | undefined {
  const remembered = readRemembered(name, value)
  return remembered && timed(remembered.expires, name)
}

/** What a stored key stands for; undefined when it is damaged. */
export function readRemembered(name: Buffer, value: Buffer): Remembered | undefined {
  const payload = unseal(name, value)
  return payload && (JSON.parse(payload.toString()) as Remembered)
}

export function runsOf(positions: readonly Position[]): [number, number, number][] {
  const runs: [number, number, number][] = []
  for (const { time, sequence } of positions) {
    const last = runs[runs.length - 1]
    if (last && last[0] === time && last[1] + last[2] === sequence) last[2]++
    else runs.push([time, sequence, 1])
  }
  return runs
}

export function positionsOf({ runs }: Pick<Remembered, 'runs'>): Position[] {
  return runs.flatMap(([time, first, count]) =>
    Array.from({ length: count }, (_, index) => ({ time, sequence: first + index })),
  )
}
