import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { TestServer, until } from '../../kit.js'
import { expectProblem, Listening, newCall, Place, sample, serverOfFile, Watching } from './outside.js'

const server = serverOfFile({ SWITCHBOARD_HEARTBEAT: '1s', SWITCHBOARD_MAX_STREAMS_PER_WORKSPACE: '6' })
/** Keeps events for a moment only, and is asked to go away at the end. */
const fleeting = serverOfFile({ SWITCHBOARD_RETENTION: '1s' })
const POSITION = /^\d{13}-\d+$/

/** The stream as bytes, with the head as the server sent it. */
async function raw(
  place: Place,
  headers: Record<string, string> = {},
): Promise<{ head: IncomingMessage; text: () => string }> {
  const asking = get(`${place.server.url}${place.path('/events/stream')}`, {
    headers: { authorization: `Bearer ${place.server.adminKey}`, ...headers },
    agent: false,
  })
  onTestFinished(() => void asking.destroy())
  const [head] = (await once(asking, 'response')) as [IncomingMessage]
  let text = ''
  head.setEncoding('latin1')
  head.on('data', (more: string) => {
    text += more
  })
  head.on('error', () => {})
  return { head, text: () => text }
}

const countsOf = (listening: Listening) => listening.seen.map(({ data }) => data.event_count)
const syncs = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => sample.sync(from + at))

describe('a stream begins', () => {
  test('with the headers of the contract, retry: 3000, and stream.opened at the head of the log', async () => {
    const place = await Place.make(server())
    const { head, text } = await raw(place, { 'accept-encoding': 'gzip, br' })
    expect(head.statusCode).toBe(200)
    expect(head.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      'x-request-id': expect.stringMatching(/./),
    })
    expect(head.headers['content-encoding']).toBeUndefined()
    expect(head.headers['content-length']).toBeUndefined()
    const before = Date.now()
    await until('the first frame', () => text().includes('\ndata: ') || undefined)
    await until('its end', () => /data: .*\n\n/.test(text()) || undefined)
    const opening = /^retry: 3000\n\nid: (\d{13})-0\nevent: stream\.opened\ndata: (\{.*\})\n\n$/.exec(text())
    if (opening === null) throw new Error(`it began with ${JSON.stringify(text())}`)
    expect(Math.abs(Number(opening[1]) - before)).toBeLessThan(10_000)
    expect(JSON.parse(String(opening[2]))).toEqual({
      code: 'ok',
      connection_id: expect.stringMatching(/./),
      max_streams_per_workspace: 6,
      resumed: false,
    })

    const call = newCall()
    const id = await place.say(sample.started(call))
    await until('the event', () => text().includes('call.started') || undefined)
    const frame = `id: ${id}\nevent: call.started\ndata: {"event_type":"call.started","call_sid":"${call}","direction":"inbound","service_id":"7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01","caller_id":"+15550100"}\n\n`
    expect(text()).toContain(frame)

    const later = await Listening.open(place)
    expect(await later.first('stream.opened')).toMatchObject({ id, data: { resumed: false } })
  })

  test('and HEAD answers with those headers alone, after the same checks', async () => {
    const place = await Place.make(server())
    const answer = await place.ask('HEAD', '/events/stream')
    expect([answer.status, answer.text]).toEqual([200, ''])
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    expect(answer.headers.get('cache-control')).toBe('no-store, no-transform')
    expect(answer.headers.get('x-accel-buffering')).toBe('no')
    expect((await place.ask('HEAD', '/events/stream', { credential: null })).status).toBe(401)
    expect((await place.ask('HEAD', '/events/stream?types=nonsense')).status).toBe(400)
  })
})

test('ids are ASCII, at most 64 bytes, strictly rising, and those that publishing answered with', async () => {
  const [place, other] = [await Place.make(server()), await Place.make(server())]
  const listening = await Listening.open(place)
  await listening.first('stream.opened')
  const ids: string[] = []
  for (let round = 0; round < 5; round++) {
    ids.push(...(await place.publish(syncs(round * 3, round * 3 + 3))))
    // Events of elsewhere are nowhere to be seen.
    await other.publish(syncs(1000, 1002))
  }
  const events = await listening.events(ids.length)
  expect(events.map(({ id }) => id)).toEqual(ids)
  expect(countsOf(listening)).toEqual(Array.from({ length: 15 }, (_, at) => at))
  for (const [at, id] of ids.entries()) {
    expect(id).toMatch(POSITION)
    expect(Buffer.byteLength(id)).toBeLessThanOrEqual(64)
    if (at === 0) continue
    const [one, two] = [ids[at - 1], id].map((text) => String(text).split('-').map(Number))
    expect(two?.[1]).toBeGreaterThan(Number(one?.[1]))
    expect(two?.[0]).toBeGreaterThanOrEqual(Number(one?.[0]))
  }
  for (const { type, data } of events) expect(data.event_type).toBe(type)
})

describe('a client that comes back', () => {
  test('gets everything after its position, then what happens live, with no seam', async () => {
    const place = await Place.make(server())
    const ids = await place.publish(syncs(0, 5))
    const resumed = await Listening.open(place, { headers: { 'last-event-id': String(ids[1]) } })
    expect(await resumed.first('stream.opened')).toMatchObject({ id: ids[1], data: { resumed: true } })
    // Published from several sides while it catches up.
    await Promise.all([0, 1, 2, 3].map((lane) => place.publish(syncs(100 * lane, 100 * lane + 20))))
    await resumed.events(83)
    const history = (await place.ask('GET', `/events?limit=1000&after=${ids[1]}`)).json.items as { id: string }[]
    expect(resumed.seen.map(({ id }) => id)).toEqual(history.map(({ id }) => id))
    expect(resumed.frames.some(({ type }) => type === 'stream.gap')).toBe(false)
  })

  test('even one that was cut off before its first event, on an empty log as well', async () => {
    const place = await Place.make(server())
    for (const round of [0, 1]) {
      const cut = await Listening.open(place)
      const { id } = await cut.first('stream.opened')
      cut.close()
      await place.publish(syncs(round * 10, round * 10 + 2))
      const back = await Listening.open(place, { headers: { 'last-event-id': id } })
      await back.events(2)
      expect(countsOf(back)).toEqual([round * 10, round * 10 + 1])
      expect(back.frames[0]).toMatchObject({ type: 'stream.opened', data: { resumed: true } })
      expect(back.frames.some(({ type }) => type === 'stream.gap')).toBe(false)
      back.close()
    }
  })

  test('may say where by header, by query, by an instant (inclusive) or an age; the header wins', async () => {
    const place = await Place.make(server())
    const early = await place.publish(syncs(0, 2))
    const from = Number(String(early[0]).split('-')[0])
    await until('another millisecond', () => Date.now() > Number(String(early[1]).split('-')[0]) || undefined)
    const [late] = await place.publish(syncs(2, 4))
    const instant = Number(String(late).split('-')[0])
    const cases: readonly [what: string, query: string, header: string | undefined, counts: number[]][] = [
      ['the header', '', early[1], [2, 3]],
      ['the query', `last_event_id=${early[0]}`, undefined, [1, 2, 3]],
      ['the header before the query', `last_event_id=${early[0]}`, late, [3]],
      ['the header before since', 'since=1h', late, [3]],
      ['the query before since', `since=1h&last_event_id=${late}`, undefined, [3]],
      ['an instant in the header', '', String(instant), [2, 3]],
      ['an instant in the query', `last_event_id=${instant}`, undefined, [2, 3]],
      ['the instant of the first', '', String(from), [0, 1, 2, 3]],
      ['an age', 'since=15m', undefined, [0, 1, 2, 3]],
      ['an ISO time', `since=${new Date(instant).toISOString()}`, undefined, [2, 3]],
      [
        'an ISO time with an offset',
        `since=${encodeURIComponent('2020-01-01T00:00:00+02:00')}`,
        undefined,
        [0, 1, 2, 3],
      ],
      ['an instant to come', `last_event_id=${Date.now() + 3_600_000}`, undefined, []],
      ['an empty header', '', '', []],
    ]
    for (const [what, query, header, counts] of cases) {
      const headers: Record<string, string> = header === undefined ? {} : { 'last-event-id': header }
      const listening = await Listening.open(place, { query, headers })
      await listening.first('stream.opened')
      await listening.events(counts.length)
      expect(countsOf(listening), what).toEqual(counts)
      expect(
        listening.frames.some(({ type }) => type === 'stream.gap'),
        what,
      ).toBe(false)
      listening.close()
    }
  })

  test('with a position this log never gave is told of the gap, then gets all that is kept', async () => {
    const place = await Place.make(server())
    const ids = await place.publish(syncs(0, 3))
    const [time, sequence] = String(ids[1]).split('-').map(Number) as [number, number]
    const cases: readonly [what: string, header: string][] = [
      ['of a log that was reset', `${time}-${sequence + 1000}`],
      ['whose time does not match its sequence', `${time - 86_400_000}-${sequence}`],
      ['that is malformed', 'not-a-position'],
      ['that is malformed and long', 'x'.repeat(500)],
    ]
    for (const [what, header] of cases) {
      const listening = await Listening.open(place, { headers: { 'last-event-id': header } })
      const gap = await listening.first('stream.gap')
      expect(gap.data, what).toMatchObject({
        code: 'unknown_position',
        oldest: ids[0],
        newest: ids[2],
        state_url: expect.stringMatching(/^\//),
      })
      expect(header.startsWith(String(gap.data.requested))).toBe(true)
      await listening.events(3)
      expect(listening.frames.map(({ type }) => type).slice(0, 3), what).toEqual([
        'stream.opened',
        'stream.gap',
        'pipeline.sync_completed',
      ])
      expect(listening.frames[0]?.data.resumed).toBe(false)
      expect(countsOf(listening), what).toEqual([0, 1, 2])
      const url = new URL(String(gap.data.state_url), place.server.url)
      expect((await fetch(url, { headers: place.server.headers() })).status).toBe(200)
      listening.close()

      // Told of the gap and cut off right after: not told again, and nothing missed. Cut off before: told again.
      const after = await Listening.open(place, { headers: { 'last-event-id': gap.id } })
      await after.events(3)
      expect(
        after.frames.some(({ type }) => type === 'stream.gap'),
        what,
      ).toBe(false)
      after.close()
      const opened = /^id: (.*)\nevent: stream\.opened/m.exec(listening.text)?.[1]
      if (opened === undefined) continue
      const again = await Listening.open(place, { headers: { 'last-event-id': opened } })
      await again.first('stream.gap')
      again.close()
    }
    // To a person who typed it, it is a mistake.
    for (const position of ['yesterday', '12-', '1763788800000-1-2', 'x'.repeat(64)]) {
      const answer = await place.ask('GET', `/events/stream?last_event_id=${position}`)
      expectProblem(answer, 400, 'invalid_position')
    }
    for (const since of ['soon', '15', '15 minutes', '2026-13-45']) {
      const answer = await place.ask('GET', `/events/stream?since=${encodeURIComponent(since)}`)
      expect(answer.status, since).toBe(400)
    }
  })

  test('too late is told that history is truncated, and goes on from the oldest kept', async () => {
    const place = await Place.make(fleeting())
    const [first] = await place.publish(syncs(0, 2))
    await until('them to be gone', async () => {
      const { json } = await place.ask('GET', '/events')
      return (json.items as unknown[]).length === 0 || undefined
    })
    const listening = await Listening.open(place, { headers: { 'last-event-id': String(first) } })
    const gap = await listening.first('stream.gap')
    expect(gap.data).toMatchObject({ code: 'history_truncated', requested: first, oldest: null })
    await place.publish(syncs(2, 3))
    await listening.events(1)
    expect(countsOf(listening)).toEqual([2])
    const since = await Listening.open(place, { query: 'since=1h' })
    expect((await since.first('stream.gap')).data.code).toBe('history_truncated')
  })
})

describe('filters', () => {
  test('are OR within a name and AND across names', async () => {
    const place = await Place.make(server())
    const [one, two] = [newCall(), newCall()]
    await place.publish([
      sample.started(one),
      sample.started(two),
      sample.joined(one, 'op_1'),
      sample.joined(two, 'op_2'),
      { event_type: 'operator.left_call', call_sid: one, operator_id: 'op_1' },
      { event_type: 'surface.opened', surface_id: 's_1', entity_id: 'e_1' },
      { event_type: 'surface.opened', surface_id: 's_2', entity_id: 'e_1' },
      sample.sync(1, { data_source_id: 'ds_1' }),
    ])
    const cases: readonly [query: string, at: number[]][] = [
      ['types=call.*,operator.joined_call', [0, 1, 2, 3]],
      ['types=call.started&types=pipeline.*', [0, 1, 7]],
      ['types=*', [0, 1, 2, 3, 4, 5, 6, 7]],
      [`call_sid=${one}`, [0, 2, 4]],
      [`call_sid=${one}&call_sid=${two}`, [0, 1, 2, 3, 4]],
      [`call_sid=${one}&operator_id=op_1`, [2, 4]],
      [`call_sid=${one}&operator_id=op_2`, []],
      [`types=operator.*&call_sid=${one}&call_sid=${two}&operator_id=op_1&operator_id=op_2`, [2, 3, 4]],
      ['entity_id=e_1', [5, 6]],
      ['entity_id=e_1&surface_id=s_2', [6]],
      ['data_source_id=ds_1', [7]],
      ['surface_id=S_1', []],
    ]
    const all = (await place.ask('GET', '/events')).json.items as { id: string }[]
    for (const [query, at] of cases) {
      const listening = await Listening.open(place, { query: `since=1h&${query}` })
      await listening.first('stream.opened')
      await listening.events(at.length)
      expect(
        listening.seen.map(({ id }) => all.findIndex((event) => event.id === id)),
        query,
      ).toEqual(at)
      listening.close()
      // History has the same filters.
      const { json } = await place.ask('GET', `/events?${query}`)
      expect(
        (json.items as { id: string }[]).map(({ id }) => id),
        query,
      ).toEqual(at.map((index) => all[index]?.id))
    }
  })

  test('that cannot mean anything are refused, each with its name', async () => {
    const place = await Place.make(server())
    for (const [query, told] of [
      ['types=call.stated', /call\.started/],
      ['types=', /types/],
      ['call_sid=', /call_sid/],
      ['callsid=CA1', /callsid/],
      ['since=1h&since=2h', /since/],
      ['types=user_transcript', /user_transcript/],
    ] as const) {
      const answer = await place.ask('GET', `/events/stream?${query}`)
      expect(expectProblem(answer, 400, 'invalid_parameter').detail, query).toMatch(told)
    }
  })
})

describe('silence', () => {
  test('is broken by heartbeats, which carry an id when a filtered position has moved', async () => {
    const place = await Place.make(server())
    const quiet = await Listening.open(place)
    const filtered = await Listening.open(place, { query: 'types=call.*' })
    await filtered.first('stream.opened')
    const ids = await place.publish(syncs(0, 3))
    await quiet.events(3)
    await until('two heartbeats', () => quiet.text.split(': heartbeat ').length > 2 || undefined)
    await until('the position', () => filtered.lastId === ids[2] || undefined)
    const seconds = Number(/: heartbeat (\d+)\n/.exec(quiet.text)?.[1])
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(10)
    expect(filtered.text).toMatch(new RegExp(`^: heartbeat \\d+\\nid: ${ids[2]}\\n\\n`, 'm'))
    expect(filtered.seen).toEqual([])
    // Nothing has moved since: no id is repeated.
    const marks = filtered.text.split(`id: ${ids[2]}\n`).length
    const beats = filtered.text.split(': heartbeat').length
    await until('one more heartbeat', () => filtered.text.split(': heartbeat').length > beats || undefined)
    expect(filtered.text.split(`id: ${ids[2]}\n`)).toHaveLength(marks)
    // Who resumes from it gets what comes next, and nothing of what was passed over.
    const back = await Listening.open(place, { query: 'types=call.*', headers: { 'last-event-id': filtered.lastId } })
    await back.first('stream.opened')
    const call = newCall()
    await place.say(sample.started(call))
    await back.events(1)
    expect(back.frames.map(({ type }) => type)).toEqual(['stream.opened', 'call.started'])
  })
})

test('too many streams, SSE and WebSocket together, are told inside a stream that opens, never by 429', async () => {
  const [place, other] = [await Place.make(server()), await Place.make(server())]
  const call = newCall()
  await place.say(sample.userSaid('hello'), call)
  const open: Listening[] = []
  for (let count = 0; count < 4; count++) open.push(await Listening.open(place))
  for (let count = 0; count < 2; count++) await (await Watching.open(place, call)).first('session_info')
  const refused = await Listening.open(place)
  await refused.over()
  expect(refused.frames).toMatchObject([{ type: 'error', id: '', data: { code: 'too_many_streams', max_streams: 6 } }])
  expect(refused.text).not.toMatch(/^id:/m)
  expect(await (await Watching.open(place, call)).over()).toMatchObject({
    code: 4029,
    reason: expect.stringMatching(/^too_many_streams/),
  })
  // Nobody else is concerned, and a place that becomes free can be taken.
  await (await Listening.open(other)).first('stream.opened')
  open[0]?.close()
  await until('a place', async () => {
    const again = await Listening.open(place)
    const { type } = await again.until('a frame', (frames) => frames[0])
    if (type === 'stream.opened') return true
    await again.over()
    return undefined
  })
  expect(open.slice(1).every(({ ended }) => !ended)).toBe(true)
})

test('a long replay comes in writes of at most 256 KiB, complete', async () => {
  const place = await Place.make(server())
  const text = 'x'.repeat(20_000)
  for (let batch = 0; batch < 2; batch++) {
    await place.publish(
      Array.from({ length: 100 }, (_, at) => ({
        event_type: 'pipeline.error',
        data_source_id: 'ds_1',
        error: `${batch * 100 + at} ${text}`,
      })),
    )
  }
  const socket = connect(place.server.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.write(
    `GET ${place.path('/events/stream')}?since=1h HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${place.server.adminKey}\r\n\r\n`,
  )
  let bytes = Buffer.alloc(0)
  const parts: Buffer[] = []
  socket.on('data', (more: Buffer) => parts.push(more))
  await until('the last event', () => {
    bytes = Buffer.concat([bytes, ...parts.splice(0)])
    return bytes.includes('"error":"199 ') && bytes.subarray(-4).toString() === '\n\n\r\n' ? true : undefined
  })
  // The chunks of the transfer coding are the writes.
  let at = bytes.indexOf('\r\n\r\n') + 4
  const sizes: number[] = []
  let body = ''
  while (at < bytes.length) {
    const end = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.subarray(at, end).toString(), 16)
    sizes.push(size)
    body += bytes.subarray(end + 2, end + 2 + size).toString()
    at = end + 2 + size + 2
  }
  expect(Math.max(...sizes)).toBeLessThanOrEqual(256 * 1024)
  expect([...body.matchAll(/"error":"(\d+) /g)].map((match) => Number(match[1]))).toEqual(
    Array.from({ length: 200 }, (_, index) => index),
  )
})

test('a shutdown tells every stream to come back at a time of its own, ends it, and ends in time', async () => {
  const draining = await TestServer.start({ env: { SWITCHBOARD_DRAIN: '5s' } })
  const place = await Place.make(draining)
  const call = newCall()
  await place.say(sample.userSaid('hello'), call)
  const streams: Listening[] = []
  for (let count = 0; count < 8; count++) {
    const listening = await Listening.open(place)
    await listening.first('stream.opened')
    streams.push(listening)
  }
  const observer = await Watching.open(place, call)
  await observer.first('session_info')
  const at = performance.now()
  const gone = draining.kill('SIGTERM')
  for (const stream of streams) await stream.over(5000)
  const retries = streams.map(({ text }) => {
    const last = /retry: (\d+)\n\nevent: error\ndata: (.*)\n\n$/.exec(text)
    if (last === null) throw new Error(`it ended with ${JSON.stringify(text.slice(-200))}`)
    expect(JSON.parse(String(last[2]))).toMatchObject({ code: 'server_draining', message: expect.any(String) })
    return Number(last[1])
  })
  expect(new Set(retries).size).toBeGreaterThan(4)
  for (const retry of retries) expect(retry).toBeGreaterThanOrEqual(1000)
  expect(await observer.over()).toMatchObject({ code: 1012, reason: expect.stringMatching(/^server_draining/) })
  await gone
  expect(performance.now() - at).toBeLessThan(5000)
  // Nothing that was acknowledged is lost, and everybody comes back where they were.
  await draining.run()
  const back = await Listening.open(place, { headers: { 'last-event-id': String(streams[0]?.lastId) } })
  expect(await back.first('stream.opened')).toMatchObject({ data: { resumed: true } })
})
