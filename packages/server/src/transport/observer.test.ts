import { limits } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { active, callEnds, channel, connect, observe, producerEnds, SID, say, withCall } from './observer.test-kit.js'
import { HEARTBEAT_MS, quiet, startServer, until, WORKSPACE } from './server.test-kit.js'

describe('an observer', () => {
  test('is told of the call first, then of each event as it happens', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    await say(server, 'before')
    const client = await observe(server)
    expect(client.messages[0]).toEqual({
      type: 'session_info',
      call_sid: SID,
      direction: 'inbound',
      caller_id: '+15550142',
      service_id: 'desk',
      workspace_id: WORKSPACE,
      start_time: 1_763_788_787.5,
      duration_seconds: 12.5,
      current_state: 'greeting',
      id: `${server.log.time}-1`,
    })
    await say(server, 'one', 'two')
    await until(() => client.texts.length === 2)
    expect(client.raw[1]).toBe(
      `{"id":"${server.log.time}-2","type":"user_transcript","transcript":"one","state":"greeting","speaker_id":"s","speaker_role":"caller"}`,
    )
    expect(client.types).toEqual(['session_info', 'user_transcript', 'user_transcript'])
  })

  test('with history=all is given what was kept, then told that it is live', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    await say(server, 'one', 'two')
    const client = await observe(server, '?history=all')
    await until(() => client.types.includes('session_live'))
    await say(server, 'three')
    await until(() => client.texts.length === 3)
    expect(client.types).toEqual([
      'session_info',
      'user_transcript',
      'user_transcript',
      'session_live',
      'user_transcript',
    ])
    expect(client.messages[0]?.id).toBe(`${server.log.time}-0`)
    expect(client.messages[3]).toEqual({ type: 'session_live', id: `${server.log.time}-2` })
  })

  test('that was cut off goes on after its position, and misses and repeats nothing', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    const total = 200
    const publishing = (async () => {
      for (let n = 1; n <= total; n++) {
        await say(server, String(n))
        if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
      }
    })()
    const seen: unknown[] = []
    let after = `${server.log.time}-0`
    while (seen.length < total) {
      const client = await observe(server, `?after=${after}`)
      await until(() => client.texts.length >= 30 || client.texts.at(-1) === String(total))
      client.ws.terminate()
      seen.push(...client.texts)
      after = String(client.messages.findLast(({ type }) => type === 'user_transcript')?.id ?? after)
    }
    await publishing
    expect(seen).toEqual(Array.from({ length: total }, (_, index) => String(index + 1)))
  })

  test('too late is told of the gap before anything else, and keeps its position until then', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    await say(server, 'one', 'two', 'three', 'four')
    server.log.drop(channel, 2)
    const requested = `${server.log.time}-1`
    const client = await observe(server, `?after=${requested}`)
    await until(() => client.types.includes('session_live'))
    expect(client.types).toEqual(['session_info', 'stream.gap', 'user_transcript', 'user_transcript', 'session_live'])
    expect(client.messages[0]?.id).toBe(requested)
    expect(client.messages[1]).toEqual({
      type: 'stream.gap',
      code: 'history_truncated',
      requested,
      oldest: `${server.log.time}-3`,
      newest: `${server.log.time}-4`,
      state_url: `/v1/${WORKSPACE}/state`,
      id: `${server.log.time}-2`,
    })
  })

  test('sees only the types it asks for, and the end in any case', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    const client = await observe(server, '?types=speaker_muted')
    await say(server, 'unheard')
    await server.log.append(channel, [{ type: 'speaker_muted', event: { type: 'speaker_muted', muted: true } }])
    await producerEnds(server)
    await until(() => client.closed !== undefined)
    expect(client.types).toEqual(['session_info', 'speaker_muted', 'session_end'])
  })

  test('without pii:read sees neither who calls nor what is said', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    await say(server, 'secret one')
    const client = await observe(server, '?history=all', { protocols: ['auth', 'masked'] })
    await say(server, 'secret two')
    await until(() => client.texts.length === 2)
    expect(client.raw.join()).not.toContain('secret')
    expect(client.raw.join()).not.toContain('+15550142')
    expect(client.messages[0]).toMatchObject({ call_sid: SID, caller_id: '[masked]', id: `${server.log.time}-0` })
  })

  test('is given large messages whole, in order, and others of the same call the same', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    const clients = [await observe(server), await observe(server)]
    const sizes = [1, 120, 125, 126, 127, 200, 65_000, 65_536, 70_000, 5]
    await say(server, ...sizes.map((size) => 'é'.repeat(size)))
    await until(() => clients.every(({ texts }) => texts.length === sizes.length))
    for (const { texts } of clients) expect(texts.map((text) => String(text).length)).toEqual(sizes)
  })

  test('that knows nothing of the call but its events is given what there is', async (t) => {
    const server = await startServer(t)
    await withCall(server, { direction: null, callerId: null, serviceId: null, startedAt: null, currentState: null })
    const client = await observe(server)
    expect(client.messages[0]).toEqual({
      type: 'session_info',
      call_sid: SID,
      caller_id: '',
      service_id: '',
      workspace_id: WORKSPACE,
      start_time: 0,
      duration_seconds: 0,
      current_state: '',
      id: expect.any(String),
    })
  })
})

describe('the end of a call', () => {
  test('as a producer tells it is delivered, then the observer is closed', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    const client = await observe(server)
    await callEnds(server)
    await say(server, 'a last word')
    await producerEnds(server)
    await until(() => client.closed !== undefined)
    expect(client.types).toEqual(['session_info', 'user_transcript', 'session_end'])
    expect(client.messages.at(-1)?.completion_reason).toBe('said by the producer')
    expect(client.closed?.code).toBe(1000)
    expect(client.closed?.reason).toMatch(/^call_ended/)
    expect(server.counted).toEqual([])
  })

  test('that only the workspace tells becomes a session_end after what is left', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    const client = await observe(server)
    await callEnds(server)
    await say(server, 'a last word')
    await until(() => client.texts.length === 1)
    expect(client.closed).toBeUndefined()
    server.clock.advance(limits.sessionEndGraceMs)
    await until(() => client.closed !== undefined)
    expect(client.types).toEqual(['session_info', 'user_transcript', 'session_end'])
    expect(client.messages.at(-1)).toEqual({
      type: 'session_end',
      call_sid: SID,
      completion_reason: 'completed',
      duration_s: 61,
      final_state: 'bye',
      id: `${server.log.time}-1`,
    })
    expect(client.closed?.code).toBe(1000)
  })

  test('is no end for the observers of other calls', async (t) => {
    const server = await startServer(t)
    const other = 'CA00000000000000000000000000000001'
    await withCall(server)
    server.calls.set(other, active)
    const client = await observe(server, '', { path: `/v1/${WORKSPACE}/observers/${other}/ws` })
    await callEnds(server)
    server.clock.advance(limits.sessionEndGraceMs)
    await quiet()
    expect(client.closed).toBeUndefined()
  })

  for (const told of ['by its producer', 'by the workspace alone']) {
    test(`that was told ${told} is replayed with history=all, then closed`, async (t) => {
      const server = await startServer(t)
      await withCall(server, { endedAt: server.clock.now() - 60_000, completionReason: 'completed' })
      await say(server, 'one', 'two')
      if (told === 'by its producer') await producerEnds(server)
      const client = await observe(server, '?history=all')
      await until(() => client.closed !== undefined)
      expect(client.types).toEqual(['session_info', 'user_transcript', 'user_transcript', 'session_end'])
      expect(client.closed?.code).toBe(1000)
      const again = await observe(server, `?after=${String(client.messages.at(-1)?.id)}`)
      await until(() => again.closed !== undefined)
      expect(again.types).toEqual(['session_info', 'session_end'])
      expect(again.closed?.code).toBe(1000)
    })
  }

  test('is told to a client that comes back without a position in the way that ends every public client', async (t) => {
    const server = await startServer(t)
    await withCall(server, { endedAt: server.clock.now() - 60_000, durationSeconds: 30, completionReason: 'completed' })
    await say(server, 'one')
    const client = await observe(server)
    await until(() => client.closed !== undefined)
    expect(client.types).toEqual(['session_info', 'session_end'])
    expect(client.messages[0]?.duration_seconds).toBe(30)
    expect(client.closed).toEqual({ code: 1008, reason: expect.stringMatching(/^call_ended/) })
  })
})

describe('silence', () => {
  test('is broken by a message without a type, and by a ping', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    const client = await observe(server)
    server.clock.advance(HEARTBEAT_MS)
    await until(() => client.messages.length === 2 && client.pings === 1)
    expect(client.messages[1]).toEqual({ heartbeat: server.clock.now() })
  })

  test('goes on for ever with a client that answers pings', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    const client = await observe(server)
    for (let beat = 1; beat <= 8; beat++) {
      server.clock.advance(HEARTBEAT_MS)
      await until(() => client.pings === beat)
      await quiet()
    }
    expect(client.closed).toBeUndefined()
  })

  test('ends with a client that answers no ping in two rounds', async (t) => {
    const server = await startServer(t)
    await withCall(server)
    const client = await observe(server, '', { autoPong: false })
    for (let beat = 1; beat <= 2; beat++) {
      server.clock.advance(HEARTBEAT_MS)
      await until(() => client.pings === beat)
      await quiet()
    }
    expect(client.closed).toBeUndefined()
    server.clock.advance(HEARTBEAT_MS)
    await until(() => client.closed !== undefined)
    expect(client.closed?.code).toBe(1006)
    expect(server.sessions.counts().observer).toBe(0)
  })
})

test('a server that goes away closes observers with 1012, and takes no more', async (t) => {
  const server = await startServer(t)
  await withCall(server)
  const client = await observe(server)
  await server.sessions.drain()
  await until(() => client.closed !== undefined)
  expect(client.closed).toEqual({ code: 1012, reason: expect.stringMatching(/^server_draining/) })
  const late = connect(server)
  await until(() => late.closed !== undefined)
  expect(late.closed?.code).toBe(1012)
})

test('an observer that does not read is no burden, and later has everything', async (t) => {
  const server = await startServer(t)
  await withCall(server)
  const slow = await observe(server)
  const quick = await observe(server)
  slow.ws.pause()
  const total = 600
  const filler = 'x'.repeat(40_000) // 24 MB in all
  for (let n = 1; n <= total; n += 10) {
    await say(server, ...Array.from({ length: 10 }, (_, index) => `${n + index} ${filler}`))
    await until(() => quick.texts.length === n + 9)
  }
  expect(server.fanout.stats().cursorsFull).toBe(1)
  expect(server.fanout.stats().tailBytes).toBeLessThanOrEqual(limits.tailBytesMax + limits.writeBytesMax)
  slow.ws.resume()
  await until(() => slow.texts.length === total, 20_000)
  expect(slow.texts.map((text) => Number.parseInt(String(text), 10))).toEqual(
    Array.from({ length: total }, (_, index) => index + 1),
  )
})

test('a log that cannot be read closes with 1013, to be tried again later', async (t) => {
  const server = await startServer(t)
  await withCall(server)
  server.log.bounds = async () => {
    throw new Error('disk gone')
  }
  const client = await observe(server)
  await until(() => client.closed !== undefined)
  expect(client.closed).toEqual({ code: 1013, reason: expect.stringMatching(/^stream_unavailable/) })
})
