import type { Position } from '@switchboard/contract'
import { type UsedKey, usedKeysOf } from '../log/belongings.js'
import { positionsOf, runsOf } from '../log/idempotency.js'
import { type CarriedRow, encodeRow } from '../log/jetstream/carry.js'
import type { JetStreamLog } from '../log/jetstream/jetstream-log.js'
import type { Channel } from '../log/log.js'
import type { Pair } from './compare-channel.js'
import { recordDifferences } from './records.js'
import type { Source } from './source.js'

const ROWS_MAX = 1000
const CHARS_MAX = 384 * 1024

/** Brings the records to the target, as the source has them. */
export async function carryRecords(source: Source, target: JetStreamLog, workspace: string): Promise<void> {
  const carrier = await Carrier.open(target, workspace)
  for await (const difference of recordDifferences(source.log, target, workspace)) {
    await carrier.add({ kind: 'record', ...difference })
  }
  await carrier.flush()
}

/**
 * The idempotency keys that are still remembered. A repeat must be answered with the positions that its events have
 * now, and so those are noted while the channels are compared.
 */
export class UsedKeys {
  private readonly used: readonly UsedKey[]
  /** What is wanted, and, once it was met, where it is now. */
  private readonly positions = new Map<string, Position | undefined>()

  constructor(
    source: Source,
    private readonly workspace: string,
    now: number,
  ) {
    this.used = [...usedKeysOf(source.log.environment, workspace)].filter(({ remembered }) => remembered.expires > now)
    for (const { channel, remembered } of this.used) {
      for (const position of positionsOf(remembered)) this.positions.set(nameOf(channel, position), undefined)
    }
  }

  get count(): number {
    return this.used.length
  }

  note(channel: Channel, [before, now]: Pair): void {
    const name = nameOf(channel, before)
    if (this.positions.has(name)) this.positions.set(name, now)
  }

  async carry(target: JetStreamLog): Promise<void> {
    const carrier = await Carrier.open(target, this.workspace)
    for (const { channel, scope, key, remembered } of this.used) {
      // What has gone by age has no new position: the answer is the old one, as it was given the first time.
      const positions = positionsOf(remembered).map((old) => this.positions.get(nameOf(channel, old)) ?? old)
      await carrier.add({ kind: 'key', call: channel.call, scope, key, ...remembered, runs: runsOf(positions) })
    }
    await carrier.flush()
  }
}

/** Rows, a message's worth at a time. */
class Carrier {
  private rows: CarriedRow[] = []
  private chars = 0

  static async open(target: JetStreamLog, workspace: string): Promise<Carrier> {
    const { newest } = await target.bounds({ workspace })
    return new Carrier(target, workspace, newest.sequence)
  }

  private constructor(
    private readonly target: JetStreamLog,
    private readonly workspace: string,
    private readonly after: number,
  ) {}

  async add(row: CarriedRow): Promise<void> {
    const { length } = encodeRow(row)
    if (this.rows.length === ROWS_MAX || this.chars + length > CHARS_MAX) await this.flush()
    this.rows.push(row)
    this.chars += length
  }

  async flush(): Promise<void> {
    if (this.rows.length === 0) return
    await this.target.carry(this.workspace, this.rows, this.after)
    this.rows = []
    this.chars = 0
  }
}

function nameOf({ call }: Channel, { sequence }: Position): string {
  return `${sequence} ${call ?? ''}`
}
