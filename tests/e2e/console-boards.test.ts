import { expect, test } from 'vitest'
import { type Json, TestServer } from '../kit.js'
import { inBrowser, openTab, pictures, signIn, type Tab } from './console-tab.js'

const uuid = (n: number): string => `9e8d7c6b-5a49-4382-b716-${String(n).padStart(12, '0')}`
const ENTITY = '31415926-5358-4979-8323-846264338308'
const surface = (n: number, happened: string, more: Json = {}): Json => ({
  event_type: `surface.${happened}`,
  surface_id: uuid(n),
  entity_id: ENTITY,
  ...more,
})
const created = (n: number): Json => surface(n, 'created', { channel: 'sms', fields_count: 3 })
const operator = (n: number, happened: string, more: Json = {}): Json => ({
  event_type: `operator.${happened}`,
  operator_id: uuid(n),
  ...more,
})
const synced = (n: number, duration_ms: number): Json => ({
  event_type: 'pipeline.sync_completed',
  data_source_id: uuid(n),
  event_count: 184,
  duration_ms,
})
const failed = (n: number, error: string): Json => ({ event_type: 'pipeline.error', data_source_id: uuid(n), error })

inBrowser('surfaces, operators and pipelines in a browser', (browser) => {
  async function open(server: TestServer, path: string): Promise<Tab> {
    const tab = await openTab(browser, server, path)
    await signIn(server, tab.page)
    return tab
  }

  test('a surface stands with its stage, waits for review on top, and is told in the sidebar', async () => {
    const server = await TestServer.start()
    const { page, wrong } = await open(server, '/surfaces')
    await page.locator('text=No surfaces yet').waitFor()
    await pictures(page, 'surfaces-empty')
    await server.publish([
      created(1),
      created(2),
      surface(2, 'delivered', { channel: 'sms', delivery_status: 'delivered' }),
      created(3),
      surface(3, 'delivered', { channel: 'sms', delivery_status: 'failed' }),
      created(4),
      surface(4, 'submitted', { submitted_at: '2026-11-22T10:15:02Z' }),
    ])
    await page.locator(`[aria-label=Created] [data-surface="${uuid(1)}"]`).waitFor()
    await page.locator(`[aria-label=Delivered] [data-surface="${uuid(2)}"]`).waitFor()
    await page.locator(`[aria-label="Not delivered or rejected"] [data-surface="${uuid(3)}"]`).waitFor()
    await page.locator(`[aria-label=Submitted] [data-surface="${uuid(4)}"]`).waitFor()
    await server.publish([surface(1, 'pending_review')])
    const waits = page.locator(`[aria-label="Waits for review"] [data-surface="${uuid(1)}"]`)
    await waits.waitFor()
    await page.locator('nav a:has-text("Surfaces") .waiting:has-text("▲ 1")').waitFor()
    expect(await page.locator(`[data-surface="${uuid(1)}"]`).count()).toBe(1)
    await pictures(page, 'surfaces')
    await page.reload()
    await waits.waitFor()
    expect(await page.locator('.funnel').innerText()).toContain('1 · 25 %')
    await page.keyboard.press('/')
    await page.keyboard.type(uuid(4))
    await waits.waitFor({ state: 'detached' })
    expect(await page.locator('[data-surface]').count()).toBe(1)
    await server.publish([{ event_type: 'surface.review_approved', surface_id: uuid(1) }])
    await page.locator('nav a:has-text("Surfaces") .waiting').waitFor({ state: 'detached' })
    expect(wrong).toEqual([])
  })

  test('an operator moves to those on a call, and back', async () => {
    const server = await TestServer.start()
    const { page, wrong } = await open(server, '/operators')
    await page.locator('text=No operators yet').waitFor()
    await pictures(page, 'operators-empty')
    const mara = `[data-operator="${uuid(1)}"]`
    await server.publish([
      operator(1, 'profile_updated', { changes: { name: '<b>Mara</b> Lind' } }),
      operator(1, 'status_changed', { status: 'online' }),
      operator(2, 'status_changed', { status: 'offline' }),
    ])
    await page.locator(`[aria-label=Online] ${mara} >> text=<b>Mara</b> Lind`).waitFor()
    await server.publish([operator(1, 'joined_call', { call_sid: 'CA1', mode: 'takeover' })])
    await page.locator(`[aria-label="On a call"] ${mara} >> text=speaks on`).waitFor()
    expect(await page.locator(mara).count()).toBe(1)
    await page.reload()
    await page.locator(`[aria-label="On a call"] ${mara}`).waitFor()
    await page.keyboard.press('j')
    await page.locator(`${mara}:focus`).waitFor()
    await server.publish([
      operator(1, 'left_call', { call_sid: 'CA1' }),
      operator(1, 'wrap_up', { call_sid: 'CA1', wrap_up_reason: 'resolved' }),
    ])
    await page.locator(`[aria-label=Online] ${mara} >> text=resolved`).waitFor()
    await pictures(page, 'operators')
    expect(wrong).toEqual([])
  })

  test('a failing source comes first with its error in full, and its history is drawn under the policy', async () => {
    const server = await TestServer.start()
    const { page, wrong } = await open(server, '/pipelines')
    await page.locator('text=No data sources yet').waitFor()
    await pictures(page, 'pipelines-empty')
    const first = `[data-source="${uuid(1)}"]`
    await server.publish([synced(1, 12740), synced(1, 913), synced(2, 300)])
    await page.locator(`[aria-label=Healthy] ${first}`).waitFor()
    await server.publish([
      failed(1, 'GET /Patient: 503 after 3 tries'),
      failed(1, 'GET /Patient: timed out after 30 s'),
    ])
    await page.locator(`[aria-label=Failing] ${first} >> text=2 times in a row`).waitFor()
    await page.locator(`${first} pre:has-text("GET /Patient: timed out after 30 s")`).waitFor()
    await page.locator('nav a:has-text("Pipelines") >> text=! 1').waitFor()
    await page.reload()
    await page.locator(`[aria-label=Failing] ${first}`).waitFor()
    await page.click(`[aria-label="History of ${uuid(1)}"]`)
    await page.locator('.history >> text=2 syncs: 913 ms to 12,740 ms').waitFor()
    await page.locator('.history canvas').waitFor()
    await pictures(page, 'pipelines')
    await server.publish([synced(1, 500)])
    await page.locator('.history >> text=3 syncs: 500 ms').waitFor()
    await page.locator('nav a:has-text("Pipelines") >> text=! 1').waitFor({ state: 'detached' })
    expect(wrong).toEqual([])
  })
})
