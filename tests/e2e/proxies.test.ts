import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import https from 'node:https'
import { connect, createServer } from 'node:net'
import { text as readAll } from 'node:stream/consumers'
import { limits } from '@switchboard/contract'
import { Switchboard } from '@switchboard/sdk'
import { EventStreamReader } from '@switchboard/sdk/sse'
import twilio from 'twilio'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { bin, type Json, TestServer, until } from '../kit.js'
import { missing, type ProxyName, TestProxy } from '../proxies.js'

const CALL = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'
const sync = (count: number): Json => ({
  event_type: 'pipeline.sync_completed',
  data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05',
  event_count: count,
  duration_ms: 1,
})
const started = {
  event_type: 'call.started',
  call_sid: CALL,
  direction: 'inbound',
  service_id: '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01',
}
const TOKEN = '0123456789abcdef0123456789abcdef'
const said = (transcript: string): Json => ({ type: 'user_transcript', transcript })

/** Silence after which the impatient proxies cut a connection, and the heartbeat that is to prevent it. */
const SILENCE_MS = 1000
const HEARTBEAT_MS = 250

/** A server and the proxy before it. */
interface Site {
  readonly server: TestServer
  readonly proxy: TestProxy
}

/** What our command line prints, line by line, while it watches through the proxy. */
function cli({ server, proxy }: Site, args: readonly string[]): { items: Json[]; errors: () => string } {
  const child = spawn(process.execPath, [bin, ...args, '--json'], {
    env: { ...server.clientEnv, SWITCHBOARD_URL: proxy.url, NODE_EXTRA_CA_CERTS: proxy.authority },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const items: Json[] = []
  let rest = ''
  let errors = ''
  child.stdout.on('data', (bytes) => {
    const lines = `${rest}${bytes}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) items.push(JSON.parse(line))
  })
  child.stderr.on('data', (bytes) => {
    errors += bytes
  })
  return { items, errors: () => errors }
}

/** A workspace stream over HTTP/2, as a browser opens it. */
function http2Stream(
  { server, proxy }: Site,
  query = '',
): { counts: number[]; heartbeats: () => number; leave(): void } {
  const session = http2.connect(proxy.url, { ca: readFileSync(proxy.authority) })
  // Cut when the test leaves; what should have arrived is asked of what did.
  session.on('error', () => {})
  onTestFinished(() => session.destroy())
  const request = session.request({
    ':path': `/v1/${server.workspace}/events/stream${query}`,
    ...(query.includes('access_token') ? {} : server.headers()),
  })
  request.on('error', () => {})
  const reader = new EventStreamReader()
  const counts: number[] = []
  let heartbeats = 0
  request.on('data', (bytes: Buffer) => {
    heartbeats += bytes.toString().split(': heartbeat').length - 1
    for (const { type, data } of reader.push(bytes)) {
      if (type === 'pipeline.sync_completed') counts.push(JSON.parse(data).event_count)
    }
  })
  return { counts, heartbeats: () => heartbeats, leave: () => session.destroy() }
}

function observe({ server, proxy }: Site, query = ''): { socket: WebSocket; messages: Json[] } {
  const url = `${proxy.url.replace('https', 'wss')}/v1/${server.workspace}/observers/${CALL}/ws${query}`
  const socket = new WebSocket(url, ['auth', server.adminKey], { ca: readFileSync(proxy.authority) })
  onTestFinished(() => socket.terminate())
  const messages: Json[] = []
  socket.on('message', (bytes) => messages.push(JSON.parse(String(bytes))))
  return { socket, messages }
}

/** Requests through the proxy from one of the machine's own addresses, over one connection. */
class Caller {
  private readonly agent: https.Agent

  constructor(
    private readonly proxy: TestProxy,
    localAddress: string,
  ) {
    const ca = readFileSync(proxy.authority)
    this.agent = new https.Agent({ keepAlive: true, maxSockets: 1, localAddress, ca })
    onTestFinished(() => this.agent.destroy())
  }

  open(method: string, path: string, headers: Readonly<Record<string, string>>) {
    return https.request(this.proxy.url + path, { method, headers, agent: this.agent, family: 4 })
  }

  async ask(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body = '',
  ): Promise<{ status: number | undefined; text: string }> {
    const request = this.open(method, path, headers)
    request.end(body)
    const [answer] = await once(request, 'response')
    return { status: answer.statusCode, text: await readAll(answer) }
  }
}

const proxies: readonly ProxyName[] = ['nginx', 'haproxy', 'caddy']

type Ends = (() => Promise<void>)[]
const onEndInto = (ends: Ends) => (end: () => Promise<void>) => void ends.push(end)
const endAll = (ends: Ends) => Promise.all(ends.reverse().map((end) => end()))

const serverEnds: Ends = []
/** It believes the one proxy before it. */
let trusting: TestServer
/** It believes nobody, as by default. */
let wary: TestServer

beforeAll(async () => {
  const start = (env: Readonly<Record<string, string>>) =>
    TestServer.start({ env: { SWITCHBOARD_HEARTBEAT: `${HEARTBEAT_MS}ms`, ...env }, onEnd: onEndInto(serverEnds) })
  ;[trusting, wary] = await Promise.all([start({ SWITCHBOARD_TRUST_PROXY: '1' }), start({})])
})
afterAll(() => endAll(serverEnds))

for (const [index, name] of proxies.entries()) {
  const reason = missing(name)
  if (reason !== undefined) console.log(`behind ${name} is not tested: ${reason}`)

  describe.skipIf(reason !== undefined)(`behind ${name}, configured as docs/operations.md says`, () => {
    const ends: Ends = []
    /** As the document says it. */
    let site: Site
    /** With timeouts that cut a connection whose heartbeats are not passed on. */
    let impatient: Site

    beforeAll(async () => {
      const onEnd = onEndInto(ends)
      const shorten = (printed: string) =>
        printed.replaceAll(/(timeout (?:client |server |tunnel )?)60s/g, `$1${SILENCE_MS}ms`)
      const [asPrinted, shortened] = await Promise.all([
        TestProxy.start(name, trusting.port, onEnd),
        TestProxy.start(name, wary.port, onEnd, shorten),
      ])
      // The same calls again, in a workspace of this proxy's own.
      for (const server of [trusting, wary]) {
        const { id } = await server.request('POST', '/v1/workspaces', {
          name: `Behind ${name}`,
          slug: `behind-${name}`,
        })
        server.workspace = String(id)
      }
      site = { server: trusting, proxy: asPrinted }
      impatient = { server: wary, proxy: shortened }
    })
    afterAll(() => endAll(ends))

    test('each event arrives at once, not when a buffer is full', async () => {
      const tail = cli(site, ['tail'])
      const stream = http2Stream(site)
      await site.server.streamsOpen('workspace', 2)
      const waits: number[] = []
      for (let count = 0; count < 7; count++) {
        const sent = performance.now()
        await site.server.publish([sync(count)])
        await until('the event', () => (tail.items.length > count && stream.counts.length > count) || undefined)
        waits.push(performance.now() - sent)
      }
      // The middle one: this machine does other things too. A buffer would hold them all until it is full.
      expect(waits.sort((a, b) => a - b)[3]).toBeLessThan(300)
      expect(stream.counts).toEqual([0, 1, 2, 3, 4, 5, 6])
    })

    test('a stream and an observer with nothing to say outlive its timeouts by their heartbeats', async () => {
      await impatient.server.publish([started])
      const stream = http2Stream(impatient)
      const { socket, messages } = observe(impatient)
      const heard = () => messages.filter(({ heartbeat }) => heartbeat !== undefined).length
      const enough = (1.5 * SILENCE_MS) / HEARTBEAT_MS
      await until('heartbeats', () => (stream.heartbeats() >= enough && heard() >= enough) || undefined)
      await impatient.server.publish([sync(1)])
      await impatient.server.publish([said('Still here?')], CALL)
      await until('what comes after them', () => (stream.counts.length === 1 && messages.at(-1)?.type) || undefined)
      expect(messages.at(-1)).toMatchObject({ type: 'user_transcript' })
      expect(socket.readyState).toBe(WebSocket.OPEN)
    })

    test('an observer gets its subprotocol, the call, and the close code at its end', async () => {
      await site.server.publish([started])
      const { socket, messages } = observe(site, '?history=all')
      await once(socket, 'open')
      expect(socket.protocol).toBe('auth')
      await site.server.publish([said('Grüße aus Köln')], CALL)
      await site.server.publish([
        {
          event_type: 'call.ended',
          call_sid: CALL,
          direction: 'inbound',
          duration_seconds: 3,
          completion_reason: 'completed',
        },
      ])
      const [code, why] = await once(socket, 'close')
      expect([code, String(why).split(':')[0]]).toEqual([1000, 'call_ended'])
      expect(messages).toContainEqual(expect.objectContaining({ transcript: 'Grüße aus Köln' }))
      expect(messages.at(-1)).toMatchObject({ type: 'session_end' })
    })

    test('a body of the largest size gets through, and one beyond it is refused by the server itself', async () => {
      const caller = new Caller(site.proxy, '127.0.0.1')
      const path = `/v1/${site.server.workspace}/events`
      const headers = { ...site.server.headers(), 'content-type': 'application/json' }
      const body = (bytes: number) => JSON.stringify({ events: [sync(1)] }).padEnd(bytes)
      expect(await caller.ask('POST', path, headers, body(limits.bodyBytesMax))).toMatchObject({ status: 201 })
      const refused = await caller.ask('POST', path, headers, body(limits.bodyBytesMax + 1))
      expect(refused.status).toBe(413)
      expect(JSON.parse(refused.text)).toMatchObject({ code: 'body_too_large' })
    })

    test('lines that are published are stored while the next ones are still to come', async () => {
      const stream = http2Stream(site)
      await site.server.streamsOpen('workspace', 1)
      const request = new Caller(site.proxy, '127.0.0.1').open('POST', `/v1/${site.server.workspace}/events`, {
        ...site.server.headers(),
        'content-type': 'application/x-ndjson',
      })
      const answered = once(request, 'response')
      for (const count of [1, 2, 3]) {
        request.write(`${JSON.stringify(sync(count))}\n`)
        await until('the line to be stored', () => stream.counts.includes(count) || undefined)
      }
      request.end()
      const [answer] = await answered
      expect(JSON.parse(await readAll(answer)).ids).toHaveLength(3)
    })

    test('a subscriber that leaves ends its stream on the server too, and leaves no token in the log', async () => {
      const { access_token } = await site.server.request('POST', `/v1/${site.server.workspace}/access-tokens`, {
        permissions: ['events:read'],
        ttl_seconds: 600,
      })
      const stream = http2Stream(site, `?access_token=${access_token}`)
      await site.server.streamsOpen('workspace', 1)
      stream.leave()
      // HAProxy hears of it when it cannot pass on the second heartbeat from there.
      await site.server.streamsOpen('workspace', 0)
      if (name !== 'caddy') {
        await until('the line in the log', () => site.proxy.log.includes('/events/stream') || undefined)
      }
      expect(site.proxy.log).not.toContain('access_token')
    })

    test('when it restarts, a stream and an observer go on where they were, without a gap or a repeat', async () => {
      await site.server.publish([{ ...started, call_sid: 'CA1' }])
      const tail = cli(site, ['tail', '--types', 'pipeline.*'])
      const observer = cli(site, ['observe', 'CA1'])
      await site.server.streamsOpen('workspace', 1)
      await site.server.streamsOpen('observer', 1)
      const ids: string[] = []
      const spoken: string[] = []
      const publish = async (count: number) => {
        ids.push(...(await site.server.publish([sync(count)])))
        spoken.push(...(await site.server.publish([said(`${count}`)], 'CA1')))
      }
      const ofItems = (items: readonly Json[]) => items.map(({ id }) => String(id))
      const heard = () => ofItems(observer.items.filter(({ event }) => (event as Json).type === 'user_transcript'))
      await publish(1)
      await until('the first', () => (tail.items.length === 1 && heard().length === 1) || undefined)

      await site.proxy.stop()
      await publish(2)
      await until('both to notice', () => /lost/.test(tail.errors()) && /lost/.test(observer.errors()))
      await site.proxy.run()
      await until('what they missed', () => (tail.items.length === 2 && heard().length === 2) || undefined)
      await publish(3)
      await until('what is new', () => (tail.items.length === 3 && heard().length === 3) || undefined)
      expect(ofItems(tail.items)).toEqual(ids)
      expect(heard()).toEqual(spoken)
    })

    test('failed credentials count against the caller that the proxy saw, and against nobody it made up', async () => {
      const path = '/v1/workspaces'
      const guess = (caller: Caller, from: string) =>
        caller.ask('GET', path, { authorization: 'Bearer sb_wrong', 'x-forwarded-for': from })
      // One pair of addresses for each proxy, as the server remembers them for a minute.
      const [one, other] = [`127.0.1.${2 * index + 1}`, `127.0.1.${2 * index + 2}`]
      const statusForOther = async ({ proxy }: Site) => {
        const caller = new Caller(proxy, one)
        for (let count = 0; count < limits.failedCredentialsPerMinute; count++)
          await guess(caller, `198.51.100.${count}`)
        expect(await guess(caller, '203.0.113.1')).toMatchObject({ status: 429 })
        const { status } = await guess(new Caller(proxy, other), '203.0.113.2')
        return status
      }
      expect(await statusForOther(site)).toBe(401)
      // Told to believe nobody, the server sees one caller only: the proxy.
      expect(await statusForOther(impatient)).toBe(429)
    })

    test('the address that a webhook was signed for is believed only from a trusted proxy', async () => {
      const send = async ({ server, proxy }: Site) => {
        const path = `/v1/${server.workspace}/sources/twilio`
        await server.request('PUT', `${path}/secret`, { auth_token: TOKEN })
        const fields = { CallSid: CALL, AccountSid: 'AC1', CallStatus: 'ringing', From: '+15550142', To: '+15550107' }
        const signature = twilio.getExpectedTwilioSignature(TOKEN, proxy.url + path, fields)
        const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature }
        return new Caller(proxy, '127.0.0.1').ask('POST', path, headers, String(new URLSearchParams(fields)))
      }
      expect(await send(site)).toMatchObject({ status: 204 })
      expect(await send(impatient)).toMatchObject({ status: 403 })
    })
  })
}

/** A middle box at its worst: every byte in a packet of its own, so that each character and each frame is torn. */
async function tearingProxy(target: number): Promise<number> {
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      to.setNoDelay(true)
      from.on('error', () => to.destroy())
      void (async () => {
        for await (const bytes of from) {
          for (const byte of bytes as Buffer) {
            await new Promise((resolve) => to.write(Uint8Array.of(byte), resolve))
            await new Promise((resolve) => setImmediate(resolve))
          }
        }
        to.end()
      })().catch(() => to.destroy())
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}

test('behind a proxy that sends every byte by itself, all that is published, streamed and observed is whole', async () => {
  const server = await TestServer.start()
  const port = await tearingProxy(server.port)
  let packets = 0
  const client = new Switchboard({
    baseUrl: `http://127.0.0.1:${port}`,
    workspaceId: server.workspace,
    credential: server.adminKey,
    fetch: async (input, init) => {
      const answer = await fetch(input, init)
      const counted = new TransformStream<Uint8Array, Uint8Array>({
        transform(bytes, controller) {
          packets++
          controller.enqueue(bytes)
        },
      })
      return new Response(answer.body?.pipeThrough(counted), answer)
    },
  })
  const stream = client.events.stream()
  const arrives = stream.next()
  await server.streamsOpen('workspace', 1)
  await client.events.publish({
    ...started,
    event_type: 'call.started',
    direction: 'inbound',
    caller_id: 'Zoë 📞 長谷川',
  })
  const { value } = await arrives
  expect(value?.event).toMatchObject({ caller_id: 'Zoë 📞 長谷川' })
  await stream.return()
  // Torn indeed: not merely sent in pieces that met again on their way.
  expect(packets).toBeGreaterThan(100)

  const observation = client.calls.observe(CALL)
  await observation.info
  await client.calls.publish(CALL, { type: 'user_transcript', transcript: 'Grüße 👋 東京' })
  for await (const { event } of observation) {
    if (event.type !== 'user_transcript') continue
    expect(event.transcript).toBe('Grüße 👋 東京')
    break
  }
})
