import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { Cable } from '../cable.js'
import { type Json, TestServer, until } from '../kit.js'
import { inBrowser, openTab, pictures, signIn, type Tab } from './console-tab.js'

const started = (call_sid: string, caller_id = '+15550100'): Json => ({
  event_type: 'call.started',
  call_sid,
  direction: 'inbound',
  service_id: 'front-desk',
  caller_id,
})
const escalated = (call_sid: string): Json => ({
  event_type: 'call.escalated',
  call_sid,
  escalation_id: `E-${call_sid}`,
  trigger: 'caller',
  reason: 'asked for a person',
})
const ended = (call_sid: string): Json => ({
  event_type: 'call.ended',
  call_sid,
  direction: 'inbound',
  duration_seconds: 72,
  completion_reason: 'completed',
  escalated: true,
})
const synced = (n: number): Json => ({
  event_type: 'pipeline.sync_completed',
  data_source_id: `source-${n}`,
  event_count: n,
  duration_ms: 12,
})

inBrowser('the console in a browser', (browser) => {
  const open = (server: TestServer): Promise<Tab> => openTab(browser, server)

  const idsShown = (page: Page): Promise<string[]> =>
    page.locator('.event').evaluateAll((rows) =>
      rows
        .map((row) => ({ id: (row as HTMLElement).dataset.id ?? '', top: row.getBoundingClientRect().top }))
        .sort((a, b) => b.top - a.top)
        .map(({ id }) => id),
    )

  async function shows(page: Page, ids: readonly string[]): Promise<void> {
    let seen: string[] = []
    const isThere = until(`${ids.length} events on screen`, async () => {
      seen = await idsShown(page)
      return seen.join() === ids.join() || undefined
    })
    // With what is there instead: a page that is still reading, cannot read, or has ended.
    await isThere.catch(async (error: unknown) => {
      const text = await page.locator('body').innerText()
      throw new Error(`shown: [${seen}]; wanted: [${ids}]; the page: ${text}`, { cause: error })
    })
  }

  test('events appear once and in order; the filter is in the address; pausing counts', async () => {
    const server = await TestServer.start()
    const { page, wrong } = await open(server)
    await signIn(server, page)
    await pictures(page, 'calls-empty')
    await page.click('nav >> text=Live')
    const first = await server.publish([started('CA1'), synced(1), synced(2)])
    await shows(page, first)

    await page.click('text=Pause')
    const second = await server.publish([synced(3), started('CA2')])
    await page.locator('text=Resume (2 waiting)').waitFor()
    await shows(page, first)
    await page.click('text=Resume')
    await shows(page, [...first, ...second])

    await page.locator('.event').first().click()
    await page.locator('.panel pre').waitFor()
    await pictures(page, 'live')
    await page.keyboard.press('Escape')

    await page.click('.chip >> text=call')
    const calls = [first[0], second[1]] as string[]
    await until('the filter to be in the address', () => page.url().includes('types=call.*') || undefined)
    await shows(page, calls)
    await page.reload()
    await shows(page, calls)
    expect(wrong).toEqual([])
  })

  test('a call appears, needs a person and ends', async () => {
    const server = await TestServer.start()
    const { page, wrong } = await open(server)
    await signIn(server, page)
    await server.publish([started('CA1'), started('CA2', '+15550111')])
    await page.locator('[aria-label=Live] [data-call=CA1]').waitFor()
    await server.publish([escalated('CA1')])
    await page.locator('[aria-label="Needs a person"] [data-call=CA1] >> text=waiting').waitFor()
    await page.locator('nav >> text=1 waiting').waitFor()
    await pictures(page, 'calls')
    await server.publish([ended('CA1')])
    await page.locator('[aria-label=Ended] [data-call=CA1]').waitFor()
    expect(await page.locator('[data-call=CA1]').count()).toBe(1)
    expect(wrong).toEqual([])
  })

  test('a server that is killed and comes back leaves no hole and no repeat on screen', async () => {
    const server = await TestServer.start()
    const { page } = await open(server)
    await signIn(server, page)
    await page.click('nav >> text=Live')
    const before = await server.publish([started('CA1'), synced(1)])
    await shows(page, before)
    await server.kill('SIGKILL')
    await page.locator('text=reconnecting').waitFor()
    await server.run()
    const after = await server.publish([synced(2), escalated('CA1')])
    await shows(page, [...before, ...after])
    await page.locator('nav >> text=1 waiting').waitFor()
  })

  test('a network that is cut and mended leaves no hole and no repeat on screen', async () => {
    const server = await TestServer.start()
    const cable = await Cable.to(server)
    const { page } = await open(cable.far)
    await signIn(server, page)
    await page.click('nav >> text=Live')
    const all = await server.publish([started('CA1'), synced(1)])
    await shows(page, all)
    for (let round = 0; round < 3; round++) {
      cable.cut()
      await page.locator('.top >> text=reconnecting').waitFor()
      all.push(...(await server.publish([synced(2), synced(3)])))
      cable.mend()
      await shows(page, all)
      all.push(...(await server.publish([synced(4)])))
      await shows(page, all)
      await page.locator('.top .connection.live').waitFor()
    }
  })

  test('markup in an event is shown as text', async () => {
    const server = await TestServer.start()
    const { page, wrong } = await open(server)
    await signIn(server, page)
    const hostile = '<img src=x onerror="alert(1)"><script>alert(2)</script><a href="javascript:alert(3)">x</a>'
    await server.publish([started('CA1', hostile)])
    await page.locator('[data-call=CA1]').waitFor()
    expect(await page.locator('[data-call=CA1]').innerText()).toContain('<img src=x')
    await page.click('nav >> text=Live')
    await page.locator('.event').first().click()
    expect(await page.locator('.panel pre').innerText()).toContain('<script>')
    expect(await page.locator('main img, main script, main a:not([href^="/console/"])').count()).toBe(0)
    expect(wrong).toEqual([])
  })

  test('a link with a token signs in, and the token leaves the address', async () => {
    const server = await TestServer.start()
    const { api_key } = await server.key(['events:read'])
    const path = `/v1/${server.workspace}/access-tokens`
    const { access_token } = await server.request('POST', path, { permissions: ['events:read'] }, api_key)
    const { page, wrong } = await open(server)
    await page.goto('about:blank')
    await page.goto(`${server.url}/console/live#token=${access_token}`)
    await page.locator('.connection.live').waitFor()
    expect(page.url()).toBe(`${server.url}/console/live`)
    expect(wrong.filter((each) => each !== 'about:blank')).toEqual([])
  })

  test('only files of the build are served; the page stands for every other address below it', async () => {
    const server = await TestServer.start()
    const ask = (path: string) => fetch(server.url + path, { redirect: 'manual' })
    expect((await ask('/console')).headers.get('location')).toBe('/console/')
    const page = await ask('/console/live')
    expect(page.headers.get('content-security-policy')).not.toContain('unsafe')
    expect(page.headers.get('cache-control')).toBe('no-cache')
    const html = await page.text()
    const script = /src="([^"]+\.js)"/.exec(html)?.[1] ?? ''
    expect((await ask(script)).headers.get('cache-control')).toContain('immutable')
    expect((await ask('/console/assets/gone.js')).status).toBe(404)
    for (const path of ['..%2fpackage.json', '%2e%2e/package.json', 'assets/..%2f..%2fpackage.json'])
      expect(await (await ask(`/console/${path}`)).text()).not.toContain('"name"')
  })
})
