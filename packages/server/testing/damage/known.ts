import { randomBytes } from 'node:crypto'
import { type JsonObject, SwitchboardError } from '@switchboard/contract'
import { systemClock } from '../../src/clock.js'
import { type TableName, tableNames } from '../../src/log/keys.js'
import { type LmdbEngine, openLmdbEngine } from '../../src/log/lmdb.js'
import type { Channel, Fault, NewEvent } from '../../src/log/log.js'
import type { Privacy } from '../../src/log/vault.js'
import { callsProjection } from '../calls-projection.js'

/** Two workspaces and a call. */
const CHANNELS: readonly Channel[] = [{ workspace: 'w1' }, { workspace: 'w1', call: 'CA1' }, { workspace: 'w2' }]
const KINDS = ['key', 'workspace']
const APPENDS = 240
const RECORDS = 40
const ENTRIES_MAX = 9
const KEY_BYTES = 32
/** What is published on after the damage: enough that pages which count as free are written. */
const MORE_APPENDS = 30

/** Everything that a folder says, as texts that can be compared. */
export interface Known {
  readonly sealingKey: string
  /** Frames by channel and sequence. */
  readonly frames: Readonly<Record<string, readonly string[]>>
  /** The rest by name: bounds, records of state, of the store, rows of the tables. */
  readonly facts: Readonly<Record<string, string>>
  /** Idempotency keys, and the sequence that each stands for. */
  readonly keys: readonly (readonly [channel: number, key: string, sequence: number])[]
}

/** How a damaged folder was met. */
export interface Finding {
  readonly kind: 'harmless' | 'named' | 'silent'
  /** What was said, or what differs and was not. */
  readonly detail: string
  /** When it was said: at the start, at the first use, or when all was verified. */
  readonly when?: 'start' | 'use' | 'verification'
}

/** Makes a log of many kinds of rows, sealed as a server's is, and answers with all that it says. */
export async function writeFolder(dir: string): Promise<Known> {
  const sealingKey = randomBytes(KEY_BYTES).toString('base64')
  const engine = await open(dir, sealingKey, () => {})
  const keys: [number, string, number][] = []
  for (let n = 0; n < APPENDS; n++) {
    const index = n % CHANNELS.length
    const events = Array.from({ length: 1 + ((n * 7) % ENTRIES_MAX) }, (_, at) => event(index, n, at))
    const { positions } = await engine.log.append(CHANNELS[index] as Channel, events)
    for (const [at, { sequence }] of positions.entries()) keys.push([index, keyOf(n, at), sequence])
  }
  for (let n = 0; n < RECORDS; n++) {
    await engine.store.put(KINDS[n % KINDS.length] as string, `name-${n}`, { n, text: 'x'.repeat(60) })
  }
  const { frames, facts } = await sayings(engine)
  await engine.close()
  return { sealingKey, frames, facts, keys }
}

/** Starts on a folder as a server does, uses everything in it, verifies it, and writes on. */
export async function lookAt(dir: string, known: Known): Promise<Finding> {
  const faults: Fault[] = []
  let engine: LmdbEngine
  try {
    engine = await open(dir, known.sealingKey, (fault) => faults.push(fault))
  } catch (error) {
    return refused(error, 'start')
  }
  const atStart = faults[0]
  try {
    const differences = await differencesOf(engine, known)
    const wrong = differences.find(({ isWrong }) => isWrong)
    if (wrong) return { kind: 'silent', detail: wrong.detail }
    const inUse = faults[0]
    const [verified] = await engine.log.verify()
    const said = atStart ?? inUse ?? verified
    if (said) {
      return { kind: 'named', detail: said.detail, when: atStart ? 'start' : inUse ? 'use' : 'verification' }
    }
    const [difference] = differences
    if (difference) return { kind: 'silent', detail: difference.detail }
    // What is written now must not be written over what is there.
    for (let n = 0; n < MORE_APPENDS; n++) {
      await engine.log.append(CHANNELS[n % CHANNELS.length] as Channel, [event(0, APPENDS + n, 0)])
    }
    const after = (await framesOf(engine)).frames
    const lost = Object.entries(known.frames).find(([channel, frames]) =>
      frames.some((frame, index) => after[channel]?.[index] !== frame),
    )
    if (!lost) return { kind: 'harmless', detail: '' }
    return faults[0]
      ? { kind: 'named', detail: faults[0].detail, when: 'use' }
      : { kind: 'silent', detail: `${lost[0]} reads otherwise once more was written` }
  } catch (error) {
    return refused(error, 'use')
  } finally {
    await engine.close()
  }
}

function refused(error: unknown, when: 'start' | 'use'): Finding {
  if (error instanceof SwitchboardError && error.code === 'storage_fault') {
    return { kind: 'named', detail: error.detail, when }
  }
  return { kind: 'silent', detail: `it failed, and not for damage: ${(error as Error).stack}` }
}

function open(dir: string, sealingKey: string, onFault: (fault: Fault) => void): Promise<LmdbEngine> {
  const mask = (_kind: string, _type: string, event: JsonObject): JsonObject => ({ ...event, text: '[masked]' })
  const privacy: Privacy = { sealingKey: Buffer.from(sealingKey, 'base64'), mask }
  return openLmdbEngine({ dir, clock: systemClock, projections: [callsProjection], privacy, onFault })
}

function event(channel: number, n: number, at: number): NewEvent {
  const text = `${n}/${at}/${'abcdefghij'.repeat((n * 5 + at) % 40)}`
  const { call } = CHANNELS[channel] as Channel
  return {
    type: 'a',
    // Of the call, or of one of many.
    event: { event_type: 'a', n, text, ...(call === undefined && { call_sid: `CA${n % 50}` }) },
    idempotency: { key: keyOf(n, at), fingerprint: text.slice(0, 20) },
  }
}

const keyOf = (n: number, at: number): string => `key-${n}-${at}`

async function framesOf({ log }: LmdbEngine) {
  const frames: Record<string, string[]> = {}
  const gaps: { channel: string; from: number; to: number }[] = []
  for (const channel of CHANNELS) {
    const name = JSON.stringify(channel)
    const all: string[] = []
    for (const block of (await log.read(channel, 0, 1e9)).blocks) {
      if (block.damaged) gaps.push({ channel: name, ...block.damaged })
      for (const { position, frame } of block.entries()) all[position.sequence - 1] = frame.toString('utf8')
    }
    frames[name] = all
  }
  return { frames, gaps }
}

async function sayings(engine: LmdbEngine) {
  const { log, store } = engine
  const facts: Record<string, string> = {}
  const { frames, gaps } = await framesOf(engine)
  for (const channel of CHANNELS) {
    facts[`bounds of ${JSON.stringify(channel)}`] = JSON.stringify(await log.bounds(channel))
  }
  for (const workspace of ['w1', 'w2']) {
    facts[`records of ${workspace}`] = JSON.stringify(
      (await log.records(workspace, callsProjection.name, { limit: 1000 })).items,
    )
  }
  for (const kind of KINDS) facts[`store ${kind}`] = JSON.stringify(await store.all(kind))
  for (const table of tableNames) for (const [row, value] of rowsOf(engine, table)) facts[row] = value
  return { frames, facts, gaps }
}

function* rowsOf({ log: { environment } }: LmdbEngine, table: TableName): Generator<[string, string]> {
  // Each row by itself as well: a range finds rows that a look-up does not.
  const range = { start: Buffer.from([0]), end: Buffer.alloc(8, 255) }
  for (const key of [...environment.keys(table, range)]) {
    yield [`${table} ${key.toString('hex')}`, environment.get(table, key)?.toString('hex') ?? 'not found']
  }
}

interface Difference {
  readonly detail: string
  /** It is wrong whatever was said of it: altered, out of order, missing and not told to the reader. */
  readonly isWrong: boolean
}

async function differencesOf(engine: LmdbEngine, known: Known): Promise<Difference[]> {
  const found: Difference[] = []
  const { frames, facts, gaps } = await sayings(engine)
  for (const [channel, before] of Object.entries(known.frames)) {
    const now = frames[channel] ?? []
    for (let index = 0; index < Math.max(before.length, now.length); index++) {
      if (now[index] === before[index]) continue
      const sequence = index + 1
      const isMissing = now[index] === undefined
      // Without its key an entry is handed out masked, which is told of and is not another event.
      const isMasked = now[index]?.includes('[masked]') === true
      const isTold = gaps.some((gap) => gap.channel === channel && gap.from <= sequence && sequence <= gap.to)
      if (isMissing && isTold) found.push({ detail: `${channel} ${sequence} is lost`, isWrong: false })
      else if (isMasked) found.push({ detail: `${channel} ${sequence} is masked`, isWrong: false })
      else if (isMissing) found.push({ detail: `${channel} ${sequence} is missing and nobody is told`, isWrong: true })
      else found.push({ detail: `${channel} ${sequence} is altered`, isWrong: true })
    }
  }
  for (const name of new Set([...Object.keys(known.facts), ...Object.keys(facts)])) {
    if (known.facts[name] !== facts[name]) found.push({ detail: `${name} differs`, isWrong: false })
  }
  for (const [index, key, sequence] of known.keys) {
    const [, n = '', at = ''] = key.split('-')
    const again = event(index, Number(n), Number(at))
    const answer = await engine.log.append(CHANNELS[index] as Channel, [again]).catch((error: unknown) => error)
    if (answer instanceof SwitchboardError && answer.code === 'storage_fault') continue
    const { positions } = answer as { positions?: { sequence: number }[] }
    if (positions?.[0]?.sequence !== sequence)
      found.push({ detail: `the key ${key} stands for another`, isWrong: false })
  }
  return found
}
