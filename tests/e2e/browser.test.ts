import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { connect, createServer as createNetServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type * as Sdk from '@switchboard/sdk'
import { type Browser, chromium, type Page } from 'playwright-core'
import { build } from 'tsdown'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freePort, type Json, root, TestServer, until } from '../kit.js'

const CHROMIUM = '/usr/bin/chromium'
const CALL = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'
const HEARTBEAT_MS = 300

/** What the pages have in their global scope. */
declare global {
  interface Window {
    readonly sdk: typeof Sdk
    /** Given by the test: a new access token from the back end. */
    mint(refused: boolean): Promise<string>
    /** What the page has received, in order. */
    seen: { stream: string[]; observer: string[] }
    gaps: number
    /** The state of each connection. */
    states: Record<'stream' | 'observer', string>
  }
}

/** The SDK as a page gets it: its own files, or through a bundler. */
const pages = { '/modules': '/sdk/index.js', '/bundled': '/bundle/page.js' } as const

/** The files that a bundler makes of a program as an application has it. */
async function bundle(): Promise<ReadonlyMap<string, string>> {
  // Inside the repository, so that the bundler finds the package.
  mkdirSync(join(root, '.switchboard'), { recursive: true })
  const dir = mkdtempSync(join(root, '.switchboard/bundle-'))
  writeFileSync(join(dir, 'page.js'), `export * from '@switchboard/sdk'\n`)
  try {
    await build({
      config: false,
      cwd: root,
      entry: { page: join(dir, 'page.js') },
      outDir: join(dir, 'out'),
      platform: 'browser',
      target: 'es2022',
      format: 'esm',
      dts: false,
      deps: { alwaysBundle: [/./] },
      logLevel: 'silent',
    })
    return new Map(readdirSync(join(dir, 'out')).map((name) => [name, readFileSync(join(dir, 'out', name), 'utf8')]))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** An application's own web server, at another origin than Switchboard. */
async function startSite(port: number, bundled: ReadonlyMap<string, string>): Promise<Server> {
  const dist = join(root, 'packages/sdk/dist')
  const own = new Map(['index.js', 'sse.js'].map((name) => [name, readFileSync(join(dist, name), 'utf8')]))
  const site = createServer(({ url = '/' }, answer) => {
    const page = pages[url as keyof typeof pages]
    const [, folder, file = ''] = url.split('/')
    const script = (folder === 'sdk' ? own : bundled).get(file)
    if (page !== undefined) {
      answer.setHeader('content-type', 'text/html')
      answer.end(`<!doctype html><script type="module">import * as sdk from '${page}'; window.sdk = sdk</script>`)
    } else if (script !== undefined) {
      answer.setHeader('content-type', 'text/javascript').end(script)
    } else {
      answer.writeHead(url === '/favicon.ico' ? 204 : 404).end()
    }
  })
  site.listen(port, '127.0.0.1')
  await once(site, 'listening')
  return site
}

/** The wire between the page and the server, which can stop to carry anything without being cut. */
class Network {
  private frozen = false
  private readonly sockets = new Set<Socket>()

  private constructor(readonly port: number) {}

  static async start(target: number): Promise<Network> {
    const network = new Network(await freePort())
    const listener = createNetServer((near) => {
      const far = connect(target, '127.0.0.1')
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        network.sockets.add(from)
        from.on('data', (bytes) => network.frozen || to.write(bytes))
        from.on('error', () => {})
        from.on('close', () => {
          network.sockets.delete(from)
          if (!network.frozen) to.destroy()
        })
      }
    }).listen(network.port, '127.0.0.1')
    await once(listener, 'listening')
    onTestFinished(() => {
      network.thaw()
      listener.close()
    })
    return network
  }

  freeze(): void {
    this.frozen = true
  }

  /** Carries again; what was open before is lost. */
  thaw(): void {
    this.frozen = false
    for (const socket of this.sockets) socket.destroy()
  }
}

const sync = (count: number): Json => ({
  event_type: 'pipeline.sync_completed',
  data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05',
  event_count: count,
  duration_ms: 1,
})

describe.skipIf(!existsSync(CHROMIUM))(`our SDK in a page${existsSync(CHROMIUM) ? '' : ' (no Chromium here)'}`, () => {
  let browser: Browser
  let site: Server
  let origin = ''

  beforeAll(async () => {
    const port = await freePort()
    origin = `http://127.0.0.1:${port}`
    site = await startSite(port, await bundle())
    browser = await chromium.launch({ executablePath: CHROMIUM })
  })
  afterAll(async () => {
    await browser?.close()
    site?.close()
  })

  /** A server with a call, and a page that listens to the workspace and to the call. */
  class Visit {
    readonly published = { stream: [] as string[], observer: [] as string[] }
    readonly faults: string[] = []
    /** Whether each token was asked for because the last one had been refused. */
    readonly asked: boolean[] = []

    private constructor(
      readonly server: TestServer,
      readonly page: Page,
    ) {}

    static async start(path: keyof typeof pages, ttlSeconds = 600): Promise<Visit> {
      const server = await TestServer.start({
        env: { SWITCHBOARD_ALLOWED_ORIGINS: origin, SWITCHBOARD_HEARTBEAT: `${HEARTBEAT_MS}ms` },
      })
      const context = await browser.newContext()
      onTestFinished(() => context.close())
      const visit = new Visit(server, await context.newPage())
      visit.page.on('pageerror', (error) => visit.faults.push(String(error)))
      visit.page.on('console', (message) => {
        // A cut connection is a browser's own message, and the reason for a test here.
        if (message.type() === 'error' && !/net::ERR_|WebSocket/.test(message.text())) visit.faults.push(message.text())
      })
      await visit.page.exposeFunction('mint', async (refused: boolean) => {
        visit.asked.push(refused)
        const { access_token } = await server.request('POST', `/v1/${server.workspace}/access-tokens`, {
          permissions: ['events:read', 'events:write', 'calls:observe', 'calls:publish'],
          ttl_seconds: ttlSeconds,
        })
        return access_token
      })
      await server.publish([
        {
          event_type: 'call.started',
          call_sid: CALL,
          direction: 'inbound',
          service_id: '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01',
        },
      ])
      await visit.page.goto(origin + path)
      await visit.page.waitForFunction(() => window.sdk !== undefined)
      return visit
    }

    /** Listens as docs/sdk.md tells applications to. */
    async listen(url = this.server.url): Promise<void> {
      await this.page.evaluate(
        ([baseUrl, workspaceId, callSid, silenceMs]) => {
          let token: Promise<string> | undefined
          const client = window.sdk.createSwitchboard({
            baseUrl,
            workspaceId,
            silenceMs,
            // The shortest waits, whatever the server asks for.
            random: () => 0.05,
            credential: ({ refused }) => {
              if (refused) token = undefined
              token ??= window.mint(refused)
              return token
            },
          })
          window.seen = { stream: [], observer: [] }
          window.gaps = 0
          window.states = { stream: '', observer: '' }
          const onGap = () => {
            window.gaps++
          }
          const onState = (channel: 'stream' | 'observer') => (state: Sdk.ConnectionState) => {
            window.states[channel] = state.kind
          }
          const fail = (error: unknown) => queueMicrotask(() => Promise.reject(error))
          void (async () => {
            for await (const { id } of client.events.stream({
              types: ['pipeline.*'],
              onGap,
              onState: onState('stream'),
            })) {
              window.seen.stream.push(id)
            }
          })().catch(fail)
          void (async () => {
            for await (const { id, event } of client.calls.observe(callSid, { onGap, onState: onState('observer') })) {
              if (event.type === 'user_transcript') window.seen.observer.push(id)
            }
          })().catch(fail)
        },
        [url, this.server.workspace, CALL, 5 * HEARTBEAT_MS] as const,
      )
      await this.listening()
    }

    async listening(): Promise<void> {
      await this.server.streamsOpen('workspace', 1)
      await this.server.streamsOpen('observer', 1)
    }

    async publish(count: number): Promise<void> {
      const spoken = { type: 'user_transcript', transcript: `Sentence ${count}` }
      this.published.stream.push(...(await this.server.publish([sync(count)])))
      this.published.observer.push(...(await this.server.publish([spoken], CALL)))
    }

    /** Waits until the page has everything; then it must have each once, in order. */
    async hasAll(): Promise<void> {
      await until('the page to have everything', async () => {
        const { stream, observer } = await this.page.evaluate(() => window.seen)
        return stream.length >= this.published.stream.length && observer.length >= this.published.observer.length
      })
      expect(await this.page.evaluate(() => window.seen)).toEqual(this.published)
      expect(await this.page.evaluate(() => window.gaps)).toBe(0)
      expect(this.faults).toEqual([])
    }
  }

  test.each(Object.keys(pages) as (keyof typeof pages)[])(
    '%s: streams, observes, publishes and asks, across origins, with an access token',
    async (path) => {
      const visit = await Visit.start(path)
      /** What else the page fetches: no part of the SDK that is there for Node alone. */
      const loaded: string[] = []
      visit.page.on('request', (request) => loaded.push(request.url()))
      await visit.listen()
      for (const count of [1, 2, 3]) await visit.publish(count)
      const answers = await visit.page.evaluate(
        async ([baseUrl, workspaceId, event]) => {
          const { createSwitchboard, SwitchboardError } = window.sdk
          const client = createSwitchboard({ baseUrl, workspaceId, credential: () => window.mint(false) })
          const { ids } = await client.events.publish(event as never)
          const refused = await client.events.publish({ event_type: 'pipeline.sync_complete' } as never).catch((e) => e)
          const calls = []
          for await (const { call_sid } of client.calls.list()) calls.push(call_sid)
          return { ids, calls, refused: refused instanceof SwitchboardError && refused.code }
        },
        [visit.server.url, visit.server.workspace, sync(4)] as const,
      )
      visit.published.stream.push(...answers.ids)
      expect(answers).toMatchObject({ calls: [CALL], refused: 'unknown_event_type' })
      // The browser tells of each answer that is a refusal; this one was asked for.
      expect(visit.faults.splice(0)).toEqual([expect.stringContaining('422')])
      await visit.hasAll()
      expect(visit.asked).toEqual([false, false, false, false])
      expect(loaded.filter((url) => url.startsWith(origin))).toEqual([])
    },
  )

  test('a network that goes away without a word and comes back leaves neither a gap nor a repeat', async () => {
    const visit = await Visit.start('/bundled')
    const network = await Network.start(visit.server.port)
    await visit.listen(`http://127.0.0.1:${network.port}`)
    await visit.publish(1)
    for (const round of [1, 2]) {
      // Offline, browsers refuse new connections, but keep the open ones, that nothing arrives on: both happen in a tunnel.
      await visit.page.context().setOffline(true)
      network.freeze()
      await visit.publish(2 * round)
      await visit.page.waitForFunction(() => window.states.stream !== 'open' && window.states.observer !== 'open')
      await visit.publish(2 * round + 1)
      network.thaw()
      await visit.page.context().setOffline(false)
      await visit.listening()
      await visit.hasAll()
    }
  })

  test('a server that dies and comes back leaves neither a gap nor a repeat', async () => {
    const visit = await Visit.start('/modules')
    await visit.listen()
    await visit.publish(1)
    await visit.server.crash()
    await visit.publish(2)
    await visit.listening()
    await visit.publish(3)
    await visit.hasAll()
  })

  test('a token that expires is refreshed by the callback, and the page sees everything once', async () => {
    const visit = await Visit.start('/bundled', 2)
    await visit.listen()
    await visit.publish(1)
    await until('a token to be asked for again', () => visit.asked.includes(true) || undefined)
    await visit.publish(2)
    await visit.listening()
    await visit.publish(3)
    await visit.hasAll()
  })

  test.each([
    ['closed', (page: Page) => page.close()],
    ['left for another', (page: Page) => page.goto('about:blank')],
    ['reloaded', (page: Page) => page.reload()],
  ])('a page that is %s ends its stream and its observer on the server', async (_, leave) => {
    const visit = await Visit.start('/modules')
    await visit.listen()
    await leave(visit.page)
    await visit.server.streamsOpen('workspace', 0)
    await visit.server.streamsOpen('observer', 0)
  })
})
