import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { Switchboard } from '@switchboard/sdk'
import { EventSource } from 'eventsource'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { bin, freePort, type Json, TestServer, timeline, timelines, until } from '../kit.js'

/** What every client must have received: id and type of each event, in order. */
type Received = [id: string, type: string][]

const pagePort = await freePort()

/** Starts a server, connects a client, publishes all samples while it listens, and gives what it should have seen. */
async function workspaceRun(
  connect: (server: TestServer, count: number) => Promise<Received> | Received,
): Promise<void> {
  const server = await TestServer.start({ env: { SWITCHBOARD_ALLOWED_ORIGINS: `http://127.0.0.1:${pagePort}` } })
  const events = timelines.flatMap((name) => timeline(name).lines.flatMap(({ ws }) => (ws ? [ws] : [])))
  // Half of them are there before the client comes, half are published while it listens: replay, then live.
  const half = Math.floor(events.length / 2)
  const expected: Received = []
  const publish = async (some: readonly Json[]) => {
    for (const event of some) {
      const [id] = await server.publish([event])
      expected.push([String(id), String(event.event_type)])
    }
  }
  await publish(events.slice(0, half))
  const received = connect(server, events.length)
  await publish(events.slice(half))
  expect(await received).toEqual(expected)
}

/** Lines of a child process, read until there are `count`. */
async function lines(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  enough: (text: string) => boolean,
): Promise<string> {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let text = ''
  let errors = ''
  child.stdout.on('data', (bytes) => {
    text += bytes
  })
  child.stderr.on('data', (bytes) => {
    errors += bytes
  })
  await until(`${command} to print it all`, () => {
    if (enough(text)) return true
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}: ${errors}`)
    return undefined
  })
  child.kill('SIGTERM')
  return text
}

describe('the samples arrive complete and in order', () => {
  test('in curl', () =>
    workspaceRun(async (server, count) => {
      const url = `${server.url}/v1/${server.workspace}/events/stream?since=1h`
      const text = await lines(
        'curl',
        ['-sN', '-H', `Authorization: Bearer ${server.adminKey}`, url],
        process.env,
        (seen) => seen.split('\ndata: ').length - 2 >= count,
      )
      const frames = text.split('\n\n').map((block) => /^id: (.*)\nevent: (.*)\ndata: /.exec(block))
      return frames.flatMap((match) =>
        match && match[2] !== 'stream.opened' ? [[match[1], match[2]] as [string, string]] : [],
      )
    }))

  test('in the eventsource package', () =>
    workspaceRun(async (server, count) => {
      const source = new EventSource(`${server.url}/v1/${server.workspace}/events/stream?since=1h`, {
        fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...server.headers() } } as RequestInit),
      })
      onTestFinished(() => source.close())
      const received: Received = []
      const types = new Set(
        timelines.flatMap((name) => timeline(name).lines.flatMap(({ ws }) => (ws ? [String(ws.event_type)] : []))),
      )
      for (const type of types) {
        source.addEventListener(type, ({ lastEventId }) => received.push([lastEventId, type]))
      }
      await until('every event', () => received.length >= count || undefined)
      return received
    }))

  test('in our SDK', () =>
    workspaceRun(async (server, count) => {
      const client = new Switchboard({
        baseUrl: server.url,
        workspaceId: server.workspace,
        credential: server.adminKey,
      })
      const received: Received = []
      for await (const { id, event } of client.events.stream({ after: { since: '1h' } })) {
        received.push([id, event.event_type])
        if (received.length >= count) break
      }
      return received
    }))

  test('in our command line', () =>
    workspaceRun(async (server, count) => {
      const text = await lines(
        process.execPath,
        [bin, 'tail', '--since', '1h', '--json'],
        server.clientEnv,
        (seen) => seen.split('\n').length - 1 >= count,
      )
      const items = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      return items.map(({ id, event }) => [id, event.event_type])
    }))

  describe('in a browser', () => {
    let page = createServer()
    beforeAll(async () => {
      page = createServer((_, answer) =>
        answer.setHeader('content-type', 'text/html').end('<!doctype html><title>a page</title>'),
      )
      page.listen(pagePort, '127.0.0.1')
      await once(page, 'listening')
    })
    afterAll(() => void page.close())

    test.skipIf(!existsSync('/usr/bin/chromium'))('with its own EventSource, in real Chromium', () =>
      workspaceRun(async (server, count) => {
        const { access_token } = await server.request('POST', `/v1/${server.workspace}/access-tokens`, {
          permissions: ['events:read'],
          ttl_seconds: 600,
        })
        const browser = await chromium.launch({ executablePath: '/usr/bin/chromium' })
        onTestFinished(() => browser.close())
        const tab = await browser.newPage()
        await tab.goto(`http://127.0.0.1:${pagePort}/`)
        const types = [
          ...new Set(
            timelines.flatMap((name) => timeline(name).lines.flatMap(({ ws }) => (ws ? [String(ws.event_type)] : []))),
          ),
        ]
        const url = `${server.url}/v1/${server.workspace}/events/stream?since=1h&access_token=${access_token}`
        return await tab.evaluate(
          ([address, names, wanted]) =>
            new Promise<Received>((resolve, reject) => {
              const received: Received = []
              const source = new window.EventSource(address)
              source.onerror = () => source.readyState === 2 && reject(new Error('the browser gave up'))
              for (const name of names) {
                source.addEventListener(name, ({ lastEventId }) => {
                  received.push([lastEventId, name])
                  if (received.length >= wanted) resolve(received)
                })
              }
            }),
          [url, types, count] as const,
        )
      }),
    )
  })
})

describe("a call's observer", () => {
  const { lines: all, call } = timeline('call-escalation-takeover')
  const callSid = String(call)
  const spoken = all.flatMap(({ obs }) => (obs && obs.type !== 'session_info' ? [obs] : []))

  async function observed(observe: (server: TestServer) => Promise<Received>): Promise<void> {
    const server = await TestServer.start()
    const expected: Received = []
    const publish = async (lines: typeof all) => {
      for (const { ws, obs } of lines) {
        if (ws) await server.publish([ws])
        if (obs && obs.type !== 'session_info') {
          const [id] = await server.publish([obs], callSid)
          expected.push([String(id), String(obs.type)])
        }
      }
    }
    await publish(all.slice(0, 10))
    const received = observe(server)
    await publish(all.slice(10))
    expect(await received).toEqual(expected)
    expect(expected).toHaveLength(spoken.length)
  }

  test('shows a late watcher the whole call, then what is said, then its end, in ws', () =>
    observed(async (server) => {
      const socket = new WebSocket(
        `ws://127.0.0.1:${server.port}/v1/${server.workspace}/observers/${callSid}/ws?history=all`,
        ['auth', server.adminKey],
      )
      const received: Received = []
      socket.on('message', (text) => {
        const { id, type } = JSON.parse(String(text))
        if (type !== undefined && type !== 'session_info' && type !== 'session_live') received.push([id, type])
      })
      const [code, reason] = await once(socket, 'close')
      expect([code, String(reason).split(':')[0]]).toEqual([1000, 'call_ended'])
      return received
    }))

  test('does so in our SDK', () =>
    observed(async (server) => {
      const client = new Switchboard({
        baseUrl: server.url,
        workspaceId: server.workspace,
        credential: server.adminKey,
      })
      const received: Received = []
      for await (const { id, event } of client.calls.observe(callSid)) received.push([id, event.type])
      return received.filter(([, type]) => type !== 'session_info')
    }))

  test('does so in our command line', () =>
    observed(async (server) => {
      const child = spawn(process.execPath, [bin, 'observe', callSid, '--json'], { env: server.clientEnv })
      onTestFinished(() => void child.kill('SIGKILL'))
      let text = ''
      child.stdout.on('data', (bytes) => {
        text += bytes
      })
      const [code] = await once(child, 'exit')
      expect(code).toBe(0)
      const items = text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      return items.flatMap(({ id, event }) =>
        event.type === 'session_info' ? [] : [[id, event.type] as [string, string]],
      )
    }))
})
