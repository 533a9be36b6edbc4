import { describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { type Json, TestServer, timeline, until } from '../kit.js'

/**
 * Clients written for the public Platform API must work unchanged. These two have the habits of its SDK, in our own code:
 * what they take for an id, what ends them, what makes them come back, and what they never forgive.
 */

interface SeenEvent extends Json {
  readonly event_type: string
}

/** Follows the workspace stream as the public SDK does. */
class PlatformStream {
  readonly events: SeenEvent[] = []
  readonly ids: string[] = []
  readonly requests: (string | undefined)[] = []
  ended: string | undefined
  private abort = new AbortController()
  private lastId: string | undefined

  constructor(
    private readonly server: TestServer,
    private readonly credential: string,
  ) {}

  /** @param cutAfter Cuts the connection once the given frame has come. */
  async run(cutAfter: (event: string, connection: number) => boolean = () => false): Promise<void> {
    // The budget is for the life of the subscription: it is never reset by a good connection.
    for (let reconnects = 0; reconnects <= 10 && this.ended === undefined; reconnects++) {
      await this.connectOnce(cutAfter).catch(() => undefined)
    }
    this.ended ??= 'transport_exhausted'
  }

  stop(): void {
    this.ended ??= 'aborted'
    this.abort.abort()
  }

  private async connectOnce(cutAfter: (event: string, connection: number) => boolean): Promise<void> {
    this.abort = new AbortController()
    this.requests.push(this.lastId)
    const headers: Record<string, string> = { accept: 'text/event-stream', authorization: `Bearer ${this.credential}` }
    if (this.lastId !== undefined) headers['last-event-id'] = this.lastId
    const answer = await fetch(`${this.server.url}/v1/${this.server.workspace}/events/stream`, {
      headers,
      signal: this.abort.signal,
    })
    if (answer.status === 401 || answer.status === 403) {
      const { detail, error_code } = (await answer.json()) as Json
      this.ended = `${answer.status} ${error_code} ${typeof detail} ${answer.headers.has('x-request-id')}`
      return
    }
    const decoder = new TextDecoder()
    let buffer = ''
    for await (const bytes of answer.body ?? []) {
      buffer += decoder.decode(bytes, { stream: true })
      if (buffer.length > 1024 * 1024) throw new Error('the guard of 1 MiB')
      // Blocks end at an empty line, and nowhere else.
      const blocks = buffer.split(/\r?\n\r?\n/)
      buffer = blocks.pop() ?? ''
      for (const block of blocks) {
        const fields = new Map(
          block
            .split(/\r?\n/)
            .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trimStart()]),
        )
        // Every frame's id is taken, that of a control frame too.
        const id = fields.get('id')
        if (id !== undefined) this.lastId = id
        const event = fields.get('event')
        const data = fields.get('data')
        if (event === 'error' && data !== undefined) {
          if (JSON.parse(data).code === 'too_many_streams') this.ended = 'too_many_streams'
          return
        }
        if (event !== undefined && data !== undefined) {
          this.events.push({ ...JSON.parse(data), event_type: event })
          this.ids.push(this.lastId ?? '')
        }
        if (cutAfter(event ?? '', this.requests.length)) {
          this.abort.abort()
          return
        }
      }
    }
  }
}

const call = (index: number) => ({
  event_type: 'call.started',
  call_sid: `CA${String(index).padStart(32, '0')}`,
  direction: 'inbound',
  service_id: '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01',
  caller_id: '+15550142',
})

describe('a workspace subscription of the public SDK', () => {
  test('that is cut before its first event, and again later, sees every event once', async () => {
    const server = await TestServer.start()
    const stream = new PlatformStream(server, server.adminKey)
    onTestFinished(() => stream.stop())
    const running = stream.run((event, connection) =>
      connection === 1 ? event === 'stream.opened' : connection === 2 && event === 'call.started',
    )
    await until('the first connection', () => stream.requests.length >= 2 || undefined)
    for (let index = 0; index < 20; index++) await server.publish([call(index)])
    const calls = () => stream.events.filter(({ event_type }) => event_type === 'call.started')
    await until('all calls', () => calls().length >= 20 || undefined)
    expect(calls().map(({ call_sid }) => call_sid)).toEqual(
      Array.from({ length: 20 }, (_, index) => call(index).call_sid),
    )
    stream.stop()
    await running
  })

  test('reads the newer names of fields as well as the first ones', async () => {
    const server = await TestServer.start()
    const stream = new PlatformStream(server, server.adminKey)
    const running = stream.run()
    await until('the stream', () => stream.events.length > 0 || undefined)
    const saved = { event_type: 'surface.field_saved', surface_id: 's1', entity_id: 'e1' }
    await server.publish([{ ...saved, field_id: 'allergies' }])
    await server.publish([{ ...saved, field_key: 'pharmacy' }])
    const seen = () => stream.events.filter(({ event_type }) => event_type === 'surface.field_saved')
    await until('both', () => seen().length === 2 || undefined)
    expect(seen().map(({ field_id, field_key }) => [field_id, field_key])).toEqual([
      ['allergies', 'allergies'],
      ['pharmacy', 'pharmacy'],
    ])
    stream.stop()
    await running
  })

  test('is told in words it knows that the workspace is full, and that a credential is bad', async () => {
    const server = await TestServer.start({ env: { SWITCHBOARD_MAX_STREAMS_PER_WORKSPACE: '1' } })
    const first = new PlatformStream(server, server.adminKey)
    const running = first.run()
    await until('the first', () => first.events.length > 0 || undefined)
    const second = new PlatformStream(server, server.adminKey)
    await second.run()
    expect(second.ended).toBe('too_many_streams')
    const third = new PlatformStream(server, 'sb_abc_def')
    await third.run()
    expect(third.ended).toBe('401 unauthenticated string true')
    first.stop()
    await running
  })
})

/** Observes a call as the public SDK does: reconnects after 1000, ends at its terminal codes, watches for silence in messages. */
async function platformObserver(server: TestServer, callSid: string, token: string, idleMs = 60_000) {
  const seen: Json[] = []
  const closes: [number, string][] = []
  const terminal = new Set([1008, 4001, 4003, 4100, 4403])
  for (let attempt = 0; attempt <= 10; attempt++) {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/${server.workspace}/observers/${callSid}/ws`, [
      'auth',
      token,
    ])
    let watchdog: NodeJS.Timeout | undefined
    const rearm = () => {
      clearTimeout(watchdog)
      watchdog = setTimeout(() => socket.close(4001, 'idle timeout'), idleMs)
    }
    socket.on('open', rearm)
    socket.on('message', (text) => {
      rearm()
      const frame = JSON.parse(String(text))
      // A frame without a type is nothing to its user, and yet it breaks the silence.
      if (typeof frame.type === 'string') seen.push(frame)
    })
    socket.on('error', () => undefined)
    const [code, reason] = await new Promise<[number, string]>((resolve) =>
      socket.on('close', (number, text) => resolve([number, String(text)])),
    )
    clearTimeout(watchdog)
    closes.push([code, reason.split(':')[0] ?? ''])
    if (terminal.has(code)) break
  }
  return { seen, closes }
}

describe('a call observer of the public SDK', () => {
  const { lines, call: callSid = '' } = timeline('call-escalation-takeover')

  test('sees the call from where it came in, its end, and stops coming back', async () => {
    const server = await TestServer.start({ env: { SWITCHBOARD_HEARTBEAT: '1s' } })
    await server.publish([lines[0]?.ws as Json])
    // Its patience is three heartbeats: messages, not pings, must keep it.
    const observing = platformObserver(server, callSid, server.adminKey, 3000)
    await server.streamsOpen('observer', 1)
    const { ids } = await server.request('POST', `/v1/${server.workspace}/calls/${callSid}/events`, {
      type: 'tool_call_started',
      tool_name: 'find_appointment',
      input: { day: 'thursday' },
    })
    await server.publish(
      [{ type: 'tool_call_completed', tool_name: 'find_appointment', output: '{}', error_message: null }],
      callSid,
    )
    await server.publish([lines.find(({ ws }) => ws?.event_type === 'call.ended')?.ws as Json])
    const { seen, closes } = await observing
    const checker = await server.frames()
    for (const message of seen) expect(checker.observer(message)).toBeUndefined()
    expect(closes).toEqual([
      [1000, 'call_ended'],
      [1008, 'call_ended'],
    ])
    expect(seen[0]).toMatchObject({
      type: 'session_info',
      call_sid: callSid,
      direction: 'inbound',
      caller_id: '+15550142',
    })
    const started = seen.find(({ type }) => type === 'tool_call_started')
    expect(started).toMatchObject({
      input: { day: 'thursday' },
      tool_input: { day: 'thursday' },
      id: (ids as string[])[0],
    })
    expect(seen.find(({ type }) => type === 'tool_call_completed')).toMatchObject({ call_id: started?.call_id })
    expect(seen.filter(({ type }) => type === 'session_end')).toHaveLength(2)
  })

  test('with a bad credential ends at once with the one code that every release takes for it', async () => {
    const server = await TestServer.start()
    const { closes, seen } = await platformObserver(server, callSid, 'nonsense')
    expect(closes).toEqual([[4403, 'unauthenticated']])
    expect(seen).toEqual([])
  })
})
