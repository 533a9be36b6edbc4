import { randomUUID } from 'node:crypto'
import { DeliverPolicy, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream'
import type { Clock } from '../../clock.js'
import type { Environment, Row, Snapshot } from '../environment.js'
import { endOf, type TableName } from '../keys.js'
import type { Records } from '../records.js'
import { type Applied, readApplied } from './applied.js'
import { CHECKPOINT_STREAM, checkpointSubject } from './names.js'
import { PARTIAL_PREFIX } from './partial.js'
import { within } from './patience.js'
import type { SubjectKeys } from './subject-keys.js'
import { closeRecord } from './travelling.js'

/**
 * What a newcomer needs beside the messages that are still in the stream: heads, idempotency keys, records, all of one
 * moment. Kept in a stream of its own: parts, and when all are there a message that names them.
 */
export interface Checkpoint {
  readonly id: string
  readonly parts: number
  readonly rows: number
  /** How far the copy had come that it was made of. */
  readonly applied: Applied
}

export interface CheckpointDeps {
  readonly jetstream: JetStreamClient
  readonly jsm: JetStreamManager
  readonly clock: Clock
  readonly partition: number
  /** What personal data is sealed with. Undefined where it is kept in clear text. */
  readonly keys?: SubjectKeys | undefined
}

/** Bytes of rows in one part, unless a single row is longer. */
const PART_BYTES_MAX = 256 * 1024
/** A part that does not come for this long does not come at all, in ms. */
const PART_MS_MAX = 10_000
const PUBLISH_MS_MAX = 5_000
/** Rows written between two turns of the event loop. */
const ROWS_PER_TURN = 1_000

const DONE = 'done'
const CLAIM = 'claim'

const EVERYTHING = { start: Buffer.from([0]), end: Buffer.alloc(8, 255) }
const TABLES: readonly (readonly [TableName, { readonly start: Buffer; readonly end: Buffer }])[] = [
  ['heads', EVERYTHING],
  ['idempotency', EVERYTHING],
  ['projections', EVERYTHING],
  ['meta', { start: PARTIAL_PREFIX, end: endOf(PARTIAL_PREFIX) }],
]
/** Stands for the table of records, where their personal data is sealed: gateways that do not know it refuse the checkpoint. */
const TRAVELLING = TABLES.length

/** The newest checkpoint that is whole. */
export async function newestCheckpoint({
  jsm,
  partition,
}: CheckpointDeps): Promise<(Checkpoint & { readonly madeAt: number }) | undefined> {
  const found = await jsm.streams.getMessage(CHECKPOINT_STREAM, { last_by_subj: checkpointSubject(partition, DONE) })
  return found ? { ...found.json<Checkpoint>(), madeAt: found.time.getTime() } : undefined
}

/**
 * True when this gateway is the one to make the next checkpoint.
 * @param period Names the time that one checkpoint is enough for.
 */
export async function claimCheckpoint({ jetstream, partition }: CheckpointDeps, period: string): Promise<boolean> {
  const msgID = `${CLAIM}.${partition}.${period}`
  const { duplicate } = await jetstream.publish(checkpointSubject(partition, CLAIM), '', { msgID })
  return !duplicate
}

/**
 * Makes a checkpoint of a copy, while the copy goes on; none when the newest is younger than `ageMsMin`.
 * @throws what the servers answer; nothing then names it.
 */
export async function writeCheckpoint(
  deps: CheckpointDeps,
  environment: Environment,
  ageMsMin: number,
  records: Records,
): Promise<Checkpoint | undefined> {
  const before = await newestCheckpoint(deps)
  if (before && deps.clock.now() - before.madeAt < ageMsMin) return undefined
  const snapshot = environment.snapshot()
  try {
    const applied = readApplied(snapshot)
    if (applied === undefined || applied.sequence === 0) return undefined
    // One that is old enough and knows of more messages is not of this stream as it is now.
    const { sequence, stream } = before?.applied ?? {}
    if (sequence === applied.sequence && stream === applied.stream) return undefined
    const id = randomUUID()
    const subject = checkpointSubject(deps.partition, id)
    let parts = 0
    let rows = 0
    let first = Number.MAX_SAFE_INTEGER
    const publish = async (where: string, data: Buffer, msgID: string) => {
      const { seq } = await deps.jetstream.publish(where, data, { msgID, timeout: PUBLISH_MS_MAX, retries: 3 })
      first = Math.min(first, seq)
    }
    let pieces: Buffer[] = []
    let bytes = 0
    const flush = async () => {
      if (pieces.length === 0) return
      await publish(subject, Buffer.concat(pieces), `${id}.${parts++}`)
      pieces = []
      bytes = 0
    }
    for (const { table, row } of rowsOf(snapshot)) {
      const closed =
        deps.keys && table === 'projections'
          ? await closeRecord(records, deps.keys, row, (key) => environment.get('projections', key))
          : undefined
      const piece = closed ? encodeRow(TRAVELLING, { key: row.key, value: closed }) : encodeRow(numberOf(table), row)
      if (bytes + piece.length > PART_BYTES_MAX) await flush()
      pieces.push(piece)
      bytes += piece.length
      if (++rows % ROWS_PER_TURN === 0) await new Promise(setImmediate)
    }
    await flush()
    const checkpoint: Checkpoint = { id, parts, rows, applied }
    await publish(checkpointSubject(deps.partition, DONE), Buffer.from(JSON.stringify(checkpoint)), `${id}.${DONE}`)
    // What came before it is of no use any more, be it whole or not.
    const everything = checkpointSubject(deps.partition, '>')
    await deps.jsm.streams.purge(CHECKPOINT_STREAM, { filter: everything, seq: first })
    return checkpoint
  } finally {
    snapshot.done()
  }
}

export interface CheckpointRow {
  readonly table: TableName
  readonly row: Row
  /** True for a record that `openRecord` opens. */
  readonly isTravelling: boolean
}

/** The rows of a checkpoint, in its order. @throws Error when a part is missing. */
export async function* readCheckpoint(
  { jetstream, partition, clock }: CheckpointDeps,
  { id, parts, rows }: Checkpoint,
): AsyncGenerator<CheckpointRow> {
  if (parts === 0) return
  const consumer = await jetstream.consumers.get(CHECKPOINT_STREAM, {
    deliver_policy: DeliverPolicy.All,
    filter_subjects: checkpointSubject(partition, id),
  })
  const messages = await consumer.consume({ max_messages: 50 })
  const iterator = messages[Symbol.asyncIterator]()
  try {
    let count = 0
    for (let part = 0; part < parts; part++) {
      const next = await within(clock, PART_MS_MAX, iterator.next(), () => undefined)
      if (next === undefined || next.done) throw new Error(`part ${part + 1} of ${parts} of a checkpoint is missing`)
      for (const row of decodeRows(Buffer.from(next.value.data))) {
        count += 1
        yield row
      }
    }
    if (count !== rows) throw new Error(`a checkpoint has ${count} rows and not ${rows}`)
  } finally {
    messages.stop()
  }
}

function* rowsOf(snapshot: Snapshot): Generator<{ table: TableName; row: Row }> {
  for (const [table, range] of TABLES) for (const row of snapshot.range(table, range)) yield { table, row }
}

/** u8 table | u32 bytes of the key | u32 bytes of the value | key | value */
const ROW_HEADER_BYTES = 9

function encodeRow(table: number, { key, value }: Row): Buffer {
  const header = Buffer.alloc(ROW_HEADER_BYTES)
  header.writeUInt8(table)
  header.writeUInt32LE(key.length, 1)
  header.writeUInt32LE(value.length, 5)
  return Buffer.concat([header, key, value])
}

function numberOf(table: TableName): number {
  return TABLES.findIndex(([name]) => name === table)
}

function* decodeRows(bytes: Buffer): Generator<CheckpointRow> {
  for (let at = 0; at < bytes.length; ) {
    const number = bytes.readUInt8(at)
    const isTravelling = number === TRAVELLING
    const [table] = TABLES[isTravelling ? numberOf('projections') : number] ?? []
    if (table === undefined) throw new Error('a checkpoint has rows of an unknown table')
    const keyAt = at + ROW_HEADER_BYTES
    const valueAt = keyAt + bytes.readUInt32LE(at + 1)
    const end = valueAt + bytes.readUInt32LE(at + 5)
    yield { table, row: { key: bytes.subarray(keyAt, valueAt), value: bytes.subarray(valueAt, end) }, isTravelling }
    at = end
  }
}
