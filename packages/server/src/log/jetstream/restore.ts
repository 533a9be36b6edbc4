import { DeliverPolicy } from '@nats-io/jetstream'
import type { Entering } from '../append.js'
import { channelKind } from '../block.js'
import { encodeBlocks, type PlacedDraught } from '../codec.js'
import { Draft } from '../draft.js'
import type { Environment, Row, Write } from '../environment.js'
import { decodeHead, EMPTY_HEAD, type Head } from '../head.js'
import type { Heads } from '../heads.js'
import { expiryOf } from '../idempotency.js'
import { channelKey, type TableName } from '../keys.js'
import type { Channel } from '../log.js'
import type { Records } from '../records.js'
import { unseal } from '../seal.js'
import type { Vault } from '../vault.js'
import { writeApplied } from './applied.js'
import { type Checkpoint, type CheckpointDeps, readCheckpoint } from './checkpoint.js'
import { type AppendMessage, decodeMessage } from './message.js'
import { eventStream } from './names.js'
import { storedOf } from './partial.js'
import { Parts } from './parts.js'
import { within } from './patience.js'
import { lacksKeys, openContent } from './sealed-lines.js'
import { firstSequence } from './sequences.js'
import { openRecord } from './travelling.js'

/** Rows, or messages, that are written at a time, and bytes of messages. */
const STEP = 1_000
const STEP_BYTES = 4 * 1024 * 1024
/** A message that does not come for this long does not come at all, in ms. */
const MESSAGE_MS_MAX = 10_000

/** The copy that is made. */
export interface Restoring {
  readonly environment: Environment
  readonly heads: Heads
  readonly records: Records
  /** Undefined where personal data is kept in clear text. */
  readonly vault: Vault | undefined
}

/** What was found of a channel's entries. */
interface Found {
  readonly first: PlacedDraught['position']
  last: PlacedDraught['position']
}

/**
 * Makes a copy from a checkpoint and from what the stream still holds of the time before it:
 *
 *     stream        ×   ×   [ 40 ][ 41 ] · · · [ 90 ]  · · · ▶ followed as usual
 *     checkpoint                                 ▲ heads, keys, records
 *     restored              └─── entries ──────┘
 *
 * The copy says how far it has come with the last write: one that was broken off is begun anew.
 * @throws Error when the checkpoint, or a message before it, is not there.
 */
export async function restore(
  deps: CheckpointDeps,
  { environment, heads, records, vault }: Restoring,
  checkpoint: Checkpoint,
  firstMessage: number,
): Promise<void> {
  // What is not there then was destroyed.
  await deps.keys?.refresh()
  await writeRows(deps, environment, records, checkpoint)
  const found = new Map<string, Found>()
  const last = checkpoint.applied.sequence
  if (firstMessage <= last) await restoreEntries(deps, { environment, heads, vault }, firstMessage, last, found)
  await mendHeads(environment, heads, found)
  const draft = new Draft(environment)
  writeApplied(draft, checkpoint.applied)
  await environment.commit(draft.writes())
}

async function writeRows(
  deps: CheckpointDeps,
  environment: Environment,
  records: Records,
  checkpoint: Checkpoint,
): Promise<void> {
  let writes: Write[] = []
  let draft = new Draft(environment)
  const write = async () => {
    await environment.commit([...draft.writes(), ...writes])
    writes = []
    draft = new Draft(environment)
  }
  for await (const { table, row, isTravelling } of readCheckpoint(deps, checkpoint)) {
    if (table === 'projections') {
      const record = isTravelling ? openRecord(records, deps.keys, row) : records.open(row.key, row.value)
      const value = record && records.close(row.key, record, draft, checkpoint.applied.time)
      if (value) writes.push({ table, key: row.key, value })
    } else {
      writes.push(...writesOf(table, row))
    }
    if (writes.length >= STEP) await write()
  }
  await write()
}

function writesOf(table: TableName, { key, value }: Row): Write[] {
  const expiry = table === 'idempotency' ? expiryOf(key, value) : undefined
  const row: Write = { table, key, value }
  return expiry === undefined ? [row] : [row, { table: 'expiry', key: expiry, value: Buffer.from([1]) }]
}

async function restoreEntries(
  { jetstream, clock, partition, keys }: CheckpointDeps,
  into: Omit<Restoring, 'records'>,
  first: number,
  last: number,
  found: Map<string, Found>,
): Promise<void> {
  const consumer = await jetstream.consumers.get(eventStream(partition), {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: first,
  })
  const messages = await consumer.consume({ max_messages: STEP })
  const iterator = messages[Symbol.asyncIterator]()
  const parts = new Parts()
  let step = new Step(into, found)
  try {
    for (;;) {
      const next = await within(clock, MESSAGE_MS_MAX, iterator.next(), () => undefined)
      if (next === undefined || next.done) throw new Error('the stream does not give its messages')
      const message = next.value
      if (message.seq > last) break
      const time = Number(message.timestampNanos / 1_000_000n)
      const stored = appendOf(message.data, parts, message.seq, time)
      if (stored && keys && lacksKeys(keys, stored)) await keys.refresh()
      const append = stored && openContent(keys, stored)
      if (append) step.add(append, message.seq, time, message.data.length)
      if (message.seq === last || step.isFull) {
        await step.write()
        step = new Step(into, found)
      }
      if (message.seq === last) break
    }
    await step.write()
  } finally {
    messages.stop()
  }
}

function appendOf(data: Uint8Array, parts: Parts, sequence: number, time: number): AppendMessage | undefined {
  const read = decodeMessage(data)
  const whole = read?.kind === 'part' ? parts.add(read.part, read.bytes, sequence, time) : undefined
  const message = whole ? decodeMessage(whole) : read
  return message?.kind === 'append' ? message : undefined
}

interface Pending {
  readonly channel: Channel
  readonly key: Buffer
  /** The sequence of the entry before. */
  readonly previous: number
  readonly entries: PlacedDraught[]
}

/** Entries of some messages, written together. */
class Step {
  private messages = 0
  private bytes = 0
  private readonly channels = new Map<string, Pending>()

  constructor(
    private readonly into: Omit<Restoring, 'records'>,
    private readonly found: Map<string, Found>,
  ) {}

  get isFull(): boolean {
    return this.messages >= STEP || this.bytes >= STEP_BYTES
  }

  add({ channel, events, moved }: AppendMessage, sequence: number, streamTime: number, bytes: number): void {
    this.messages += 1
    this.bytes += bytes
    const key = channelKey(channel)
    const name = key.toString('latin1')
    const head = this.into.heads.read(channel, key)
    const stored = storedOf(this.into.environment, sequence) ?? [...events.keys()]
    stored.forEach((index, nth) => {
      const { type, event, json, isErased } = events[index] as Entering
      const place = firstSequence(sequence) + nth
      // Removed before the checkpoint was made.
      if (place <= (head.removed?.sequence ?? 0)) return
      const known = this.found.get(name)
      const position = { time: Math.max(moved?.times[index] ?? streamTime, known?.last.time ?? 0), sequence: place }
      const group = this.channels.get(name) ?? {
        channel,
        key,
        previous: known?.last.sequence ?? place - 1,
        entries: [],
      }
      this.channels.set(name, group)
      if (known) known.last = position
      else this.found.set(name, { first: position, last: position })
      group.entries.push({ type, event, json, isErased, position })
    })
  }

  async write(): Promise<void> {
    const { environment, vault } = this.into
    const draft = new Draft(environment)
    for (const { channel, key, previous, entries } of this.channels.values()) {
      const sealing = vault?.sealingOf(channel, draft)
      for (const block of encodeBlocks(key, channelKind(channel), previous, entries, sealing)) {
        draft.put('blocks', block.key, block.value)
      }
    }
    await environment.commit(draft.writes())
  }
}

/** Heads say what was kept when the checkpoint was made; some of it is gone since. */
async function mendHeads(environment: Environment, heads: Heads, found: ReadonlyMap<string, Found>): Promise<void> {
  const everything = { start: Buffer.from([0]), end: Buffer.alloc(8, 255) }
  let draft = new Draft(environment)
  for (const { key, value } of [...environment.range('heads', everything)]) {
    const payload = unseal(key, value)
    if (payload === undefined) continue
    heads.write(draft, key, EMPTY_HEAD, mended(decodeHead(payload), found.get(key.toString('latin1'))))
    if (draft.writes().length < STEP) continue
    await environment.commit(draft.writes())
    draft = new Draft(environment)
  }
  await environment.commit(draft.writes())
}

function mended({ newest, oldest, removed }: Head, found: Found | undefined): Head {
  if (oldest === undefined) return { newest, oldest, removed }
  if (found === undefined) return { newest, oldest: undefined, removed: newest }
  const { first } = found
  if (first.sequence <= oldest.sequence) return { newest, oldest: first, removed }
  return { newest, oldest: first, removed: { time: first.time, sequence: first.sequence - 1 } }
}
