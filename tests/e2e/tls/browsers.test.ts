import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { TestServer, until } from '../../kit.js'
import { serve, sync } from './site.js'

const CHROMIUM = '/usr/bin/chromium'
/** Browsers open no more connections to an origin that speaks HTTP/1.1. */
const BROWSER_CONNECTIONS_MAX = 6

describe.skipIf(!existsSync(CHROMIUM))(`browsers${existsSync(CHROMIUM) ? '' : ' (no Chromium here)'}`, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM })
  })
  afterAll(() => browser?.close())

  /** Opens streams in one page of the server's own, and answers with how many are open when no more will be. */
  async function openSources(server: TestServer, wanted: number, expected: number) {
    const { access_token } = await server.request('POST', `/v1/${server.workspace}/access-tokens`, {
      permissions: ['events:read'],
      ttl_seconds: 600,
    })
    const context = await browser.newContext({ ignoreHTTPSErrors: true })
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.goto(`${server.url}/docs/try.css`)
    await page.evaluate(
      ([address, count]) => {
        const seen: string[][] = []
        Object.assign(window, { seen })
        for (let index = 0; index < Number(count); index++) {
          const ids: string[] = []
          seen.push(ids)
          const source = new EventSource(String(address))
          source.addEventListener('pipeline.sync_completed', ({ lastEventId }) => ids.push(lastEventId))
        }
      },
      [`/v1/${server.workspace}/events/stream?access_token=${access_token}`, wanted] as const,
    )
    await server.streamsOpen('workspace', expected)
    return () => page.evaluate(() => (window as unknown as { seen: string[][] }).seen)
  }

  test('have twenty streams open at once, and each receives every event', async () => {
    const { server } = await serve()
    const seen = await openSources(server, 20, 20)
    const ids = await server.publish([sync(1), sync(2)])
    await until('all of them', async () => (await seen()).every(({ length }) => length === 2) || undefined)
    expect(await seen()).toEqual(Array.from({ length: 20 }, () => ids))
  })

  test('have six without TLS, which is why there is HTTP/2', async () => {
    const server = await TestServer.start()
    const seen = await openSources(server, 20, BROWSER_CONNECTIONS_MAX)
    await server.publish([sync(1)])
    const reached = async () => (await seen()).filter(({ length }) => length > 0).length
    await until('those that are open', async () => (await reached()) === BROWSER_CONNECTIONS_MAX || undefined)
    await server.publish([sync(2)])
    await until('the second', async () => (await seen()).some(({ length }) => length === 2) || undefined)
    expect(await reached()).toBe(BROWSER_CONNECTIONS_MAX)
  })
})
