import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { builtinCatalogue, type JsonObject, limits, SwitchboardError } from '@switchboard/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../clock.js'
import { openLmdbEngine } from '../log/lmdb.js'
import type { Channel, Engine } from '../log/log.js'
import { noMeter } from '../meter.js'
import { projections } from '../state/projections.js'
import { createFingerprint } from './fingerprint.js'
import { createIngest, type Ingest, type PublishTarget } from './ingest.js'
import { noPublishRate } from './rate.js'

const workspace = '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01'
const service = '9e8d7c6b-5a49-4382-b716-05f4e3d2c107'
const inWorkspace: Channel = { workspace }
const onCall: Channel = { workspace, call: 'CA1' }

let dir: string
let engine: Engine
let ingest: Ingest

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ingest-'))
  await open()
})

afterEach(async () => {
  ingest.close()
  await engine.close()
  await rm(dir, { recursive: true })
})

async function open(): Promise<void> {
  engine = await openLmdbEngine({ dir, clock: systemClock, projections })
  ingest = createIngest({
    log: engine.log,
    catalogue: builtinCatalogue,
    clock: systemClock,
    meter: noMeter,
    fingerprint: createFingerprint(() => Buffer.alloc(32)),
    rate: noPublishRate,
  })
}

async function restart(): Promise<void> {
  ingest.close()
  await engine.close()
  await open()
}

function to(channel: Channel, more: Partial<PublishTarget> = {}): PublishTarget {
  return { channel, keyId: 'k1', extraFields: 'refuse', ...more }
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

async function kept(channel: Channel): Promise<readonly JsonObject[]> {
  const { blocks } = await engine.log.read(channel, 0, limits.bodyBytesMax)
  return blocks.flatMap((block) => [...block.entries()].map((entry) => entry.event))
}

async function refusalOf(publishing: Promise<unknown>): Promise<SwitchboardError> {
  const error = await publishing.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof SwitchboardError)) throw new Error(`Not refused, but ${String(error)}`)
  return error
}

const started = (callSid: string): JsonObject => ({
  event_type: 'call.started',
  call_sid: callSid,
  direction: 'inbound',
  service_id: service,
  caller_id: '+15550100',
})

const said = (transcript: string): JsonObject => ({
  type: 'user_transcript',
  transcript,
  state: 'greeting',
  speaker_id: 'spk_0',
  speaker_role: 'caller',
})

const toolStarted = (toolName: string, more: JsonObject = {}): JsonObject => ({
  type: 'tool_call_started',
  tool_name: toolName,
  tool_input: {},
  ...more,
})

const toolCompleted = (toolName: string, more: JsonObject = {}): JsonObject => ({
  type: 'tool_call_completed',
  tool_name: toolName,
  output: 'done',
  succeeded: true,
  duration_ms: 5,
  error: null,
  ...more,
})

describe('a JSON body', () => {
  test('of one event is stored as it will be delivered, and answers with its position', async () => {
    const { ids, replayed } = await ingest.publishBody(to(inWorkspace), json(started('CA1')))
    expect(ids).toEqual([expect.stringMatching(/^\d{13}-1$/)])
    expect(replayed).toBe(false)
    expect(await kept(inWorkspace)).toEqual([started('CA1')])
  })

  test('of several events stores them in order', async () => {
    const { ids } = await ingest.publishBody(to(inWorkspace), json({ events: [started('CA1'), started('CA2')] }))
    expect(ids.map((id) => id.split('-')[1])).toEqual(['1', '2'])
    expect((await kept(inWorkspace)).map((event) => event.call_sid)).toEqual(['CA1', 'CA2'])
  })

  test('with an invalid event is refused whole, and every fault is told with its place', async () => {
    const { call_sid: _, ...nameless } = started('CA1')
    const events = [started('CA0'), nameless, started('CA2'), { ...started('CA3'), direction: 'sideways', extra: 1 }]
    const error = await refusalOf(ingest.publishBody(to(inWorkspace), json({ events })))
    expect(error.code).toBe('invalid_event')
    expect(error.errors?.map(({ path }) => path).sort()).toEqual([
      '/events/1/call_sid',
      '/events/3/direction',
      '/events/3/extra',
    ])
    expect(error.detail).toContain('2 of 4 events are refused')
    expect(error.detail).toContain('Nothing was stored')
    expect(await kept(inWorkspace)).toEqual([])
  })

  test('of one invalid event names the member', async () => {
    const { call_sid: _, ...nameless } = started('CA1')
    const error = await refusalOf(ingest.publishBody(to(inWorkspace), json(nameless)))
    expect([error.code, error.errors?.[0]?.path]).toEqual(['invalid_event', '/call_sid'])
  })

  test('with an unknown type is told the nearest', async () => {
    const error = await refusalOf(
      ingest.publishBody(to(inWorkspace), json({ ...started('CA1'), event_type: 'call.startd' })),
    )
    expect(error.code).toBe('unknown_event_type')
    expect(error.detail).toContain('call.started')
  })

  test('with faults of several kinds is an invalid event', async () => {
    const events = [{ event_type: 'call.startd' }, { event_type: 'call.started' }]
    const error = await refusalOf(ingest.publishBody(to(inWorkspace), json({ events })))
    expect(error.code).toBe('invalid_event')
  })

  test.each([
    ['[]', 'invalid_request', ''],
    ['3', 'invalid_request', ''],
    ['null', 'invalid_request', ''],
    ['{"events":{}}', 'invalid_request', '/events'],
    ['{"events":[]}', 'invalid_request', '/events'],
    ['{"events":[{}],"idempotency_key":"a"}', 'invalid_request', '/idempotency_key'],
    ['{"events":[3]}', 'invalid_event', '/events/0'],
    ['{}', 'invalid_event', '/event_type'],
  ])('%s is refused as %s at "%s"', async (body, code, path) => {
    const error = await refusalOf(ingest.publishBody(to(inWorkspace), Buffer.from(body)))
    expect([error.code, error.errors?.[0]?.path]).toEqual([code, path])
  })

  test('holds at most as many events as the limit says', async () => {
    const events = Array.from({ length: limits.batchEventsMax + 1 }, (_, index) => started(`CA${index}`))
    const error = await refusalOf(ingest.publishBody(to(inWorkspace), json({ events })))
    expect(error.code).toBe('too_many_events')
    const { ids } = await ingest.publishBody(to(inWorkspace), json({ events: events.slice(1) }))
    expect(ids).toHaveLength(limits.batchEventsMax)
  })

  test('may begin with a byte order mark', async () => {
    const body = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), json(started('CA1'))])
    expect((await ingest.publishBody(to(inWorkspace), body)).ids).toHaveLength(1)
  })

  test('with an event that is too large as delivered is refused, in either spelling', async () => {
    const input = { text: 'x'.repeat(40 * 1024) }
    // Delivered under both names, it has twice the size.
    const error = await refusalOf(ingest.publishBody(to(onCall), json(toolStarted('big', { tool_input: input }))))
    expect([error.code, error.errors?.[0]?.path]).toEqual(['event_too_large', ''])
    const batch = { events: [said('small'), toolStarted('big', { tool_input: input })] }
    const inBatch = await refusalOf(ingest.publishBody(to(onCall), json(batch)))
    expect(inBatch.errors?.map(({ path }) => path)).toContain('/events/1')
    expect(await kept(onCall)).toEqual([])
  })

  test('with fields that the catalogue does not know follows the setting of the workspace', async () => {
    const event = { ...started('CA1'), note: 'mine' }
    expect((await refusalOf(ingest.publishBody(to(inWorkspace), json(event)))).errors?.[0]?.path).toBe('/note')
    await ingest.publishBody(to(inWorkspace, { extraFields: 'pass' }), json(event))
    expect(await kept(inWorkspace)).toEqual([event])
  })

  test('in either spelling is delivered in both', async () => {
    const surface = { surface_id: service, entity_id: service }
    await ingest.publishBody(
      to(inWorkspace),
      json({
        events: [
          { event_type: 'surface.field_saved', ...surface, field_id: 'a' },
          { event_type: 'surface.field_saved', ...surface, field_key: 'b' },
          { event_type: 'surface.field_saved', ...surface, field_id: 'c', field_key: 'c' },
        ],
      }),
    )
    expect((await kept(inWorkspace)).map((event) => [event.field_id, event.field_key])).toEqual([
      ['a', 'a'],
      ['b', 'b'],
      ['c', 'c'],
    ])
  })
})

test('once it refuses, nothing more is acknowledged, not even what is being written', async () => {
  const writing = refusalOf(ingest.publishBody(to(inWorkspace), json(started('CA1'))))
  ingest.refuse()
  expect((await writing).code).toBe('unavailable')
  expect((await refusalOf(ingest.publishBody(to(inWorkspace), json(started('CA2'))))).code).toBe('unavailable')
})

describe('an idempotency key of a request', () => {
  const keyed = to(inWorkspace, { idempotencyKey: 'order-1' })

  test('stores it once and answers with the first positions, also after a restart', async () => {
    const body = json({ events: [started('CA1'), started('CA2')] })
    const first = await ingest.publishBody(keyed, body)
    const again = await ingest.publishBody(keyed, body)
    expect(again).toEqual({ ids: first.ids, replayed: true })
    await restart()
    expect(await ingest.publishBody(keyed, body)).toEqual({ ids: first.ids, replayed: true })
    expect(await kept(inWorkspace)).toHaveLength(2)
  })

  test('holds for the same events, however they are spaced, ordered or spelt', async () => {
    const { event_type: type, ...rest } = started('CA1')
    const first = await ingest.publishBody(keyed, json({ event_type: type, ...rest }))
    const again = await ingest.publishBody(keyed, Buffer.from(JSON.stringify({ ...rest, event_type: type }, null, 2)))
    expect(again).toEqual({ ids: first.ids, replayed: true })
  })

  test('is refused with another body', async () => {
    await ingest.publishBody(keyed, json(started('CA1')))
    const error = await refusalOf(ingest.publishBody(keyed, json(started('CA2'))))
    expect(error.code).toBe('idempotency_key_reused')
  })

  test('is another one on another channel, and than that of an event', async () => {
    await ingest.publishBody(to(onCall, { idempotencyKey: 'k' }), json(said('a')))
    await ingest.publishBody(to({ workspace, call: 'CA2' }, { idempotencyKey: 'k' }), json(said('b')))
    await ingest.publishBody(to(onCall), json({ ...said('c'), idempotency_key: 'k' }))
    expect((await kept(onCall)).map((event) => event.transcript)).toEqual(['a', 'c'])
  })

  test('stores once what a hundred requests bring at the same time', async () => {
    const bodies = Array.from({ length: 100 }, () => ingest.publishBody(keyed, json(started('CA1'))))
    const ids = new Set((await Promise.all(bodies)).map(({ ids }) => ids[0]))
    expect(ids.size).toBe(1)
    expect(await kept(inWorkspace)).toHaveLength(1)
  })

  test('may be used again when its request was refused', async () => {
    await refusalOf(ingest.publishBody(keyed, json({ event_type: 'call.started' })))
    expect((await ingest.publishBody(keyed, json(started('CA1')))).replayed).toBe(false)
  })
})

describe('an idempotency key of an event', () => {
  test('is taken out, and stores the event once', async () => {
    const event = { ...started('CA1'), idempotency_key: 'e1' }
    const first = await ingest.publishBody(to(inWorkspace), json(event))
    const mixed = await ingest.publishBody(to(inWorkspace), json({ events: [started('CA2'), event] }))
    expect(mixed.ids[1]).toBe(first.ids[0])
    expect(mixed.replayed).toBe(false)
    expect((await ingest.publishBody(to(inWorkspace), json(event))).replayed).toBe(true)
    expect(await kept(inWorkspace)).toEqual([started('CA1'), started('CA2')])
  })

  test.each([[''], [7], [null], ['a b'], ['é'], ['x'.repeat(257)]])('is refused when it is %j', async (key) => {
    const error = await refusalOf(
      ingest.publishBody(to(inWorkspace), json({ ...started('CA1'), idempotency_key: key })),
    )
    expect([error.code, error.errors?.[0]?.path]).toEqual(['invalid_event', '/idempotency_key'])
  })
})

describe('tool events without call_id', () => {
  const ids = async (): Promise<readonly unknown[]> => (await kept(onCall)).map((event) => event.call_id)

  test('get one, and a completion takes that of the oldest open start of its tool', async () => {
    await ingest.publishBody(to(onCall), json(toolStarted('find')))
    await ingest.publishBody(to(onCall), json(toolStarted('book')))
    await ingest.publishBody(to(onCall), json(toolStarted('find')))
    for (const tool of ['find', 'find', 'book', 'book']) {
      await ingest.publishBody(to(onCall), json(toolCompleted(tool)))
    }
    const [find1, book, find2, done1, done2, doneBook, stray] = await ids()
    expect(new Set([find1, book, find2]).size).toBe(3)
    expect([done1, done2, doneBook]).toEqual([find1, find2, book])
    expect(stray).toEqual(expect.any(String))
    expect([find1, find2, book]).not.toContain(stray)
  })

  test('in one batch find each other', async () => {
    const events = [toolStarted('a'), toolCompleted('a'), toolStarted('a'), toolCompleted('a')]
    await ingest.publishBody(to(onCall), json({ events }))
    const [s1, c1, s2, c2] = await ids()
    expect([c1, c2]).toEqual([s1, s2])
    expect(s1).not.toBe(s2)
  })

  test('find a start that carried its own id, and not one that was completed by id', async () => {
    await ingest.publishBody(to(onCall), json(toolStarted('a', { call_id: 't1' })))
    await ingest.publishBody(to(onCall), json(toolStarted('a', { call_id: 't2' })))
    await ingest.publishBody(to(onCall), json(toolCompleted('a', { call_id: 't1' })))
    await ingest.publishBody(to(onCall), json(toolCompleted('a')))
    expect(await ids()).toEqual(['t1', 't2', 't1', 't2'])
  })

  test('find a start of before a restart', async () => {
    await ingest.publishBody(to(onCall), json(toolStarted('a')))
    await restart()
    await ingest.publishBody(to(onCall), json(toolCompleted('a')))
    const [start, completion] = await ids()
    expect(completion).toBe(start)
  })

  test('find a start that is still being written', async () => {
    await Promise.all([
      ingest.publishBody(to(onCall), json(toolStarted('a'))),
      ingest.publishBody(to(onCall), json(toolCompleted('a'))),
    ])
    const [start, completion] = await ids()
    expect(completion).toBe(start)
  })

  test('are not opened by a repeat, nor by a request that was refused', async () => {
    const keyed = to(onCall, { idempotencyKey: 'once' })
    await ingest.publishBody(keyed, json(toolStarted('a', { call_id: 't1' })))
    await ingest.publishBody(to(onCall), json(toolCompleted('a')))
    await ingest.publishBody(keyed, json(toolStarted('a', { call_id: 't1' })))
    await refusalOf(ingest.publishBody(keyed, json(toolStarted('a', { call_id: 't9' }))))
    await ingest.publishBody(to(onCall), json(toolCompleted('a')))
    const [, , stray] = await ids()
    expect(['t1', 't9']).not.toContain(stray)
  })

  test('repeated with a key answer with what was stored first', async () => {
    const keyed = to(onCall, { idempotencyKey: 'once' })
    const first = await ingest.publishBody(keyed, json(toolStarted('a')))
    const again = await ingest.publishBody(keyed, json(toolStarted('a')))
    expect(again).toEqual({ ids: first.ids, replayed: true })
    expect(await ids()).toHaveLength(1)
  })

  test('of one call never take a start of another', async () => {
    await ingest.publishBody(to({ workspace, call: 'CA2' }), json(toolStarted('a', { call_id: 'other' })))
    await ingest.publishBody(to(onCall), json(toolCompleted('a')))
    expect(await ids()).not.toContain('other')
  })
})

describe('newline-delimited JSON', () => {
  async function* pieces(...texts: readonly string[]): AsyncGenerator<Buffer> {
    for (const text of texts) yield Buffer.from(text)
  }
  const line = (event: JsonObject): string => `${JSON.stringify(event)}\n`

  test('is stored line by line, wherever the pieces are cut', async () => {
    const text = line(said('one')) + line(said('zwei ü')) + JSON.stringify(said('three'))
    for (const size of [1, 7, 64, text.length]) {
      const call: Channel = { workspace, call: `CUT${size}` }
      const bytes = Buffer.from(text)
      async function* cut(): AsyncGenerator<Buffer> {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
      }
      const { ids } = await ingest.publishLines(to(call), cut())
      expect(ids).toHaveLength(3)
      expect((await kept(call)).map((event) => event.transcript)).toEqual(['one', 'zwei ü', 'three'])
    }
  })

  test('is durable before the next piece is asked for', async () => {
    const seen: number[] = []
    async function* slowly(): AsyncGenerator<Buffer> {
      for (const word of ['a', 'b', 'c']) {
        seen.push((await kept(onCall)).length)
        yield Buffer.from(line(said(word)))
      }
    }
    await ingest.publishLines(to(onCall), slowly())
    expect(seen).toEqual([0, 1, 2])
  })

  test('leaves out blank lines, and takes CRLF', async () => {
    const { ids } = await ingest.publishLines(
      to(onCall),
      pieces(`\r\n${line(said('a'))}\n  \n${JSON.stringify(said('b'))}\r\n`),
    )
    expect(ids).toHaveLength(2)
  })

  test('ends at the first line that is refused: what came before it is stored and told', async () => {
    const text = `${line(said('a'))}\n${line(said('b'))}${line({ type: 'user_transcript' })}${line(said('never'))}`
    const error = await refusalOf(ingest.publishLines(to(onCall), pieces(text)))
    expect(error.code).toBe('invalid_event')
    expect(error.errors?.every(({ path }) => path.startsWith('/lines/4/'))).toBe(true)
    expect(error.extra?.ids).toHaveLength(2)
    expect((await kept(onCall)).map((event) => event.transcript)).toEqual(['a', 'b'])
  })

  test('tells the ids of earlier pieces too', async () => {
    const error = await refusalOf(
      ingest.publishLines(to(onCall), pieces(line(said('a')), `${line(said('b'))}{"type":`, ' oops}\n')),
    )
    expect(error.code).toBe('invalid_event')
    expect(error.errors?.[0]).toEqual({ path: '/lines/3', message: expect.stringContaining('column 10') })
    expect(error.extra?.ids).toHaveLength(2)
  })

  test('sent again with its key stores each line once, and goes on where it was cut off', async () => {
    const keyed = to(onCall, { idempotencyKey: 'upload' })
    async function* cutOff(): AsyncGenerator<Buffer> {
      yield Buffer.from(line(said('a')) + line(said('b')))
      throw new SwitchboardError('bad_request', 'The connection ended before the body did.')
    }
    const error = await refusalOf(ingest.publishLines(keyed, cutOff()))
    expect(error.extra?.ids).toHaveLength(2)
    const whole = line(said('a')) + line(said('b')) + line(said('c'))
    const again = await ingest.publishLines(keyed, pieces(whole))
    expect(again.ids.slice(0, 2)).toEqual(error.extra?.ids)
    expect(again.replayed).toBe(false)
    expect(await ingest.publishLines(keyed, pieces(whole))).toEqual({ ids: again.ids, replayed: true })
    expect((await kept(onCall)).map((event) => event.transcript)).toEqual(['a', 'b', 'c'])
  })

  test('with more lines than a batch may have is stored in several', async () => {
    const count = limits.batchEventsMax * 2 + 5
    const text = Array.from({ length: count }, (_, index) => line(said(String(index)))).join('')
    const { ids } = await ingest.publishLines(to(onCall), pieces(text))
    expect(ids).toHaveLength(count)
    expect(new Set(ids).size).toBe(count)
  })

  test('of nothing stores nothing', async () => {
    expect(await ingest.publishLines(to(onCall), pieces())).toEqual({ ids: [], replayed: false })
  })
})
