import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { type Json, TestServer, until } from '../kit.js'
import { inBrowser, openTab, pictures, signIn, type Tab } from './console-tab.js'

const ROW_PX = 30

const synced = (n: number): Json => ({
  event_type: 'pipeline.sync_completed',
  data_source_id: `source-${n % 2}`,
  event_count: n,
  duration_ms: 12,
})
const started = (call_sid: string): Json => ({
  event_type: 'call.started',
  call_sid,
  direction: 'inbound',
  service_id: 'front-desk',
})

inBrowser('the live page', (browser) => {
  async function open(server: TestServer, path = '/live'): Promise<Tab> {
    const tab = await openTab(browser, server, path)
    await signIn(server, tab.page)
    return tab
  }

  async function publishMany(server: TestServer, count: number): Promise<string[]> {
    const ids: string[] = []
    for (let from = 0; from < count; from += 500) {
      const events = Array.from({ length: Math.min(500, count - from) }, (_, n) => synced(from + n))
      ids.push(...(await server.publish(events)))
    }
    return ids
  }

  const rows = (page: Page) => page.getByRole('listbox')
  const row = (page: Page, id: string | undefined) => page.locator(`.event[data-id="${id}"]`)
  const top = (page: Page) => rows(page).evaluate((element) => element.scrollTop)

  test('goes back to the oldest event that is kept, a page at a time', async () => {
    const server = await TestServer.start()
    const ids = await publishMany(server, 1300)
    const { page, wrong } = await open(server)
    await row(page, ids.at(-1)).waitFor()
    await until('the oldest', async () => {
      await rows(page).evaluate((element) => element.scrollTo({ top: element.scrollHeight }))
      return (await row(page, ids[0]).isVisible()) || undefined
    })
    await page.locator('text=This is the oldest that is kept.').waitFor()
    expect(wrong).toEqual([])
  })

  test('stands at a time in the past, and comes back to the present', async () => {
    const server = await TestServer.start()
    const [first] = await publishMany(server, 1)
    const then = Number(first?.split('-')[0])
    await until('the clock to move on', () => Date.now() > then + 1100 || undefined)
    const ids = await publishMany(server, 700)
    const { page } = await open(server, `/live?at=${new Date(then).toISOString()}`)
    // That time is in sight, with what was before and after it.
    for (const id of [first, ids[3]]) await row(page, id).waitFor()
    await page.locator('text=Back to live').waitFor()
    expect(await row(page, ids.at(-1)).count()).toBe(0)
    await pictures(page, 'live-past')
    await rows(page).evaluate((element) => element.scrollTo({ top: 0 }))
    // Read on up to the present, and what happens now follows by itself.
    await page.locator('text=Ⅱ Pause').waitFor()
    const [next] = await server.publish([started('CA1')])
    await until('the newest on top', async () => {
      await rows(page).evaluate((element) => element.scrollTo({ top: 0 }))
      return (await row(page, next).isVisible()) || undefined
    })
  })

  test('opens an event by its link, however old, and says so when it is gone', async () => {
    const server = await TestServer.start()
    const ids = await publishMany(server, 1200)
    const { page } = await open(server, `/live?event=${ids[3]}`)
    await page.locator('.panel pre >> text="event_count": 3').waitFor()
    await page.goto(`${server.url}/console/live?event=1700000000000-7`)
    await page.locator('.panel >> text=no longer kept').waitFor()
  })

  test('asks the server for one type or one id, keeps that in its address, and takes it back', async () => {
    const server = await TestServer.start()
    const [a, b] = await server.publish([synced(0), synced(1)])
    const [call] = await server.publish([started('CA1')])
    const { page } = await open(server)
    await row(page, call).waitFor()
    await page.selectOption('[aria-label="Only one type"]', 'pipeline.sync_completed')
    await row(page, call).waitFor({ state: 'detached' })
    await row(page, a).click()
    await page.click('.panel >> text=Only data_source_id')
    await row(page, b).waitFor({ state: 'detached' })
    const [c, d] = await server.publish([synced(3), synced(2)])
    await row(page, d).waitFor()
    expect(await row(page, c).count()).toBe(0)
    expect(page.url()).toContain('types=pipeline.sync_completed')
    expect(page.url()).toContain('data_source_id=source-0')
    await page.reload()
    await row(page, d).waitFor()
    expect(await row(page, b).count()).toBe(0)
    await page.click('[aria-label="No longer only data_source_id source-0"]')
    await row(page, c).waitFor()
    await page.fill('[aria-label="Only this id"]', 'CA1')
    await page.keyboard.press('Enter')
    await page.locator('text=No such events').waitFor()
  })

  test('holds still what is read while more comes, and says how much', async () => {
    const server = await TestServer.start()
    const ids = await publishMany(server, 200)
    const { page } = await open(server)
    await row(page, ids.at(-1)).waitFor()
    await rows(page).evaluate((element, px) => element.scrollTo({ top: 20 * px }), ROW_PX)
    const read = row(page, ids.at(-21))
    const before = await read.boundingBox()
    await publishMany(server, 24)
    await page.locator('text=↑ 24 new').waitFor()
    expect((await read.boundingBox())?.y).toBe(before?.y)
    expect(await top(page)).toBe((20 + 24) * ROW_PX)
    await pictures(page, 'live-reading')
    await page.click('text=↑ 24 new')
    await until('the top', async () => (await top(page)) === 0 || undefined)
    await page.locator('text=24 new').waitFor({ state: 'detached' })
  })

  test('is walked through with the keyboard, and what is chosen is in sight', async () => {
    const server = await TestServer.start()
    const ids = await publishMany(server, 100)
    const { page, wrong } = await open(server)
    await row(page, ids.at(-1)).waitFor()
    await page.keyboard.press('Enter')
    await page.locator('.panel pre >> text="event_count": 99').waitFor()
    for (let n = 0; n < 60; n++) await page.keyboard.press('j')
    await page.locator('.panel pre >> text="event_count": 39').waitFor()
    expect(await rows(page).getAttribute('aria-activedescendant')).toBe(`event-${ids[39]}`)
    await until('the chosen row in sight', async () => {
      const [box, around] = [await row(page, ids[39]).boundingBox(), await rows(page).boundingBox()]
      return (box && around && box.y >= around.y && box.y + box.height <= around.y + around.height) || undefined
    })
    await page.keyboard.press('k')
    await page.locator('.panel pre >> text="event_count": 40').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.panel').waitFor({ state: 'detached' })
    await page.keyboard.press('p')
    await page.locator('text=▶ Resume').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('"event_count":42')
    await until('one row', async () => (await page.locator('.event').count()) === 1 || undefined)
    await row(page, ids[42]).waitFor()
    expect(wrong).toEqual([])
  })

  test('of hostile text stays a list of lines', async () => {
    const server = await TestServer.start()
    const [plain] = await server.publish([started('CA1')])
    const { page, wrong } = await open(server)
    await row(page, plain).waitFor()
    const size = () =>
      page.evaluate(() => [document.documentElement.scrollWidth, document.querySelectorAll('.event')[0]?.clientHeight])
    const before = await size()
    const hostile = [
      '<img src=x onerror="alert(1)"><script>alert(2)</script><a href="javascript:alert(3)">x</a>',
      '\u202Egnp.exe \u2066\u2069 \u200F',
      'w'.repeat(2000),
      'line\nline\ttab',
    ]
    const failures = hostile.map((error): Json => ({ event_type: 'pipeline.error', data_source_id: 's', error }))
    const ids = await server.publish(failures)
    await row(page, ids.at(-1)).waitFor()
    expect(await size()).toEqual(before)
    for (const id of ids) {
      await row(page, id).click()
      await page.locator(`.panel >> text=${id}`).waitFor()
      expect((await size())[0]).toBe(before[0])
    }
    expect(await page.locator('main img, main script, main a').count()).toBe(0)
    await pictures(page, 'live-hostile')
    expect(wrong).toEqual([])
  })
})
