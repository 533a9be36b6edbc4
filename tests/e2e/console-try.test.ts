import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { type Json, root, TestServer, until } from '../kit.js'
import { inBrowser, openTab, pictures, signIn, type Tab } from './console-tab.js'

inBrowser('trying it in a browser', (browser) => {
  async function open(server: TestServer, path: string): Promise<Tab> {
    const tab = await openTab(browser, server, path)
    await signIn(server, tab.page)
    return tab
  }

  async function openReady(server: TestServer): Promise<Tab> {
    const tab = await open(server, '/try')
    await editor(tab.page).waitFor()
    return tab
  }

  const editor = (page: Page) => page.getByLabel('Event as JSON')
  const publish = (page: Page) => page.getByRole('button', { name: 'Publish' })
  const choose = (page: Page, type: string) => page.getByRole('radio', { name: type, exact: true }).check()
  const drafted = async (page: Page): Promise<Json> => JSON.parse(await editor(page).inputValue())
  const told = async (server: TestServer): Promise<Json[]> => {
    const { items } = await server.request('GET', `/v1/${server.workspace}/events`)
    return items as Json[]
  }
  const callsOf = async (server: TestServer, status: string): Promise<number> => {
    const { items } = await server.request('GET', `/v1/${server.workspace}/calls?status=${status}`)
    return (items as Json[]).length
  }

  /** `at`: what is scrolled to on a small screen. */
  test('an example is published, seen on Live, and with fresh ids it is another thing', async () => {
    const server = await TestServer.start()
    const { page, wrong } = await openReady(server)
    await page.getByLabel('Search event types').fill('started')
    await choose(page, 'call.started')
    expect(await page.getByTestId('personal').innerText()).toContain('caller_id')
    const first = await drafted(page)
    await publish(page).click()
    await page.getByText('✓ Published at').waitFor()
    await pictures(page, 'try-published')
    await page.getByRole('button', { name: 'Fresh ids' }).click()
    const second = await drafted(page)
    expect(second.call_sid).not.toBe(first.call_sid)
    await publish(page).click()
    const link = page.getByRole('link', { name: 'See it on Live' })
    await link.waitFor()
    expect((await told(server)).map(({ call_sid }) => call_sid)).toEqual([first.call_sid, second.call_sid])
    await link.click()
    await page.locator(`.panel pre:has-text("${second.call_sid}")`).waitFor()
    // The draft is still there for who comes back.
    await page.click('nav >> text=Try it')
    expect(await drafted(page)).toEqual(second)
    expect(wrong).toEqual([])
  })

  test("a deployment's own type is published as those that are built in", async () => {
    const server = await TestServer.start({ env: { SWITCHBOARD_CATALOGUE: join(root, 'examples/custom-events.json') } })
    const { page, wrong } = await openReady(server)
    await page.getByRole('searchbox', { name: 'Search event types' }).fill('order')
    // By the keyboard alone: from the search to what it has found, and on to Publish.
    await page.getByRole('radio', { name: /acme\.order_placed/ }).focus()
    await page.keyboard.press('Space')
    expect(await page.getByTestId('personal').innerText()).toContain('email')
    const order = await drafted(page)
    await publish(page).press('Enter')
    await page.getByText('✓ Published at').waitFor()
    expect(await told(server)).toEqual([{ ...order, id: expect.any(String) }])
    expect(wrong).toEqual([])
  })

  test('the command is the same publish, and holds no key', async () => {
    const server = await TestServer.start()
    const { page, wrong } = await openReady(server)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.getByRole('button', { name: 'Copy the command' }).click()
    await page.getByText('Copied').waitFor()
    const command = await page.evaluate(() => navigator.clipboard.readText())
    expect(command).toContain(`'${server.url}/v1/${server.workspace}/events'`)
    expect(command).toContain('Bearer $SWITCHBOARD_KEY')
    expect(await page.content()).not.toContain(server.adminKey)
    expect(wrong).toEqual([])
  })

  test('an observer event goes to the newest active call', async () => {
    const server = await TestServer.start()
    const call = 'CA00000000000000000000000000000007'
    await server.publish([{ event_type: 'call.started', call_sid: call, direction: 'inbound', service_id: 'desk' }])
    const { page, wrong } = await openReady(server)
    await page.getByRole('combobox', { name: 'To', exact: true }).selectOption('observer')
    expect(await page.getByRole('combobox', { name: 'Call', exact: true }).inputValue()).toBe(call)
    await choose(page, 'session_start')
    expect(await drafted(page)).toMatchObject({ call_sid: call, workspace_id: server.workspace })
    await publish(page).click()
    const link = page.getByRole('link', { name: 'Open the call' })
    await link.waitFor()
    expect(await link.getAttribute('href')).toBe(`/console/calls/${call}`)
    const { items } = await server.request('GET', `/v1/${server.workspace}/calls/${call}/events`)
    expect((items as Json[]).map(({ type }) => type)).toEqual(['session_start'])
    await pictures(page, 'try-observer')
    expect(wrong).toEqual([])
  })

  test('what does not fit is told by its pointer, and what is no JSON by its line: neither is stored', async () => {
    const server = await TestServer.start()
    const { page, wrong } = await openReady(server)
    const requests: string[] = []
    page.on('request', (request) => request.method() === 'POST' && requests.push(request.url()))
    await editor(page).fill('{\n  "event_type": "call.started"\n  "call_sid": "CA1"\n}')
    await publish(page).click()
    await page.getByText('Line 3, column 3').waitFor()
    expect(requests).toEqual([])
    await pictures(page, 'try-malformed')
    // A question mark is a letter here, and asks for no help.
    await editor(page).press('?')
    expect(await page.locator('dialog[open]').count()).toBe(0)
    await editor(page).fill('{ "event_type": "call.started", "call_sid": "CA1", "direction": "up", "service_id": "d" }')
    await page.keyboard.press('Control+Enter')
    await page.locator('.refused li:has-text("/direction")').waitFor()
    expect(requests).toHaveLength(1)
    await pictures(page, 'try-refused')
    expect(await told(server)).toEqual([])
    expect(wrong).toEqual([])
  })

  test('the button of an empty page fills the workspace; stopped, no call is left open', async () => {
    const server = await TestServer.start()
    const { page, wrong } = await open(server, '/calls')
    await pictures(page, 'calls-empty')
    await page.getByRole('button', { name: 'Make up some activity' }).click()
    await page.getByText('● Running in this tab').waitFor()
    await until('a call', async () => (await callsOf(server, 'active')) > 0 || undefined)
    // It goes on while other pages are looked at.
    await page.click('nav >> text=Calls')
    await page.locator('[aria-label=Live] .call').first().waitFor()
    await page.click('nav >> text=Live')
    await page.locator('.event:has-text("call.started")').first().waitFor()
    await page.click('nav >> text=Try it')
    await page.getByText('● Running in this tab').waitFor()
    await pictures(page, 'try-running')
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByText('no call is left open').waitFor()
    expect(await callsOf(server, 'active')).toBe(0)
    expect(await callsOf(server, 'ended')).toBeGreaterThan(0)
    expect(wrong).toEqual([])
  })

  test('a workspace in which something has happened is written to only after a question', async () => {
    const server = await TestServer.start()
    await server.publish([{ event_type: 'call.started', call_sid: 'CA1', direction: 'inbound', service_id: 'desk' }])
    const { page, wrong } = await open(server, '/surfaces')
    await page.getByRole('button', { name: 'Make up some activity' }).click()
    const question = page.getByRole('dialog', { name: 'Write made-up events into this workspace?' })
    await question.getByText(server.workspace).waitFor()
    await pictures(page, 'try-question')
    await question.getByRole('button', { name: 'Cancel' }).click()
    expect(await told(server)).toHaveLength(1)
    await page.getByRole('button', { name: 'Start' }).click()
    await question.getByRole('button', { name: 'Write them' }).click()
    await until('a made-up call', async () => (await callsOf(server, 'active')) > 1 || undefined)
    // The tab asks before it goes, as its calls would stay open.
    const asked = page.waitForEvent('dialog')
    await page.close({ runBeforeUnload: true })
    const leaving = await asked
    expect(leaving.type()).toBe('beforeunload')
    await leaving.dismiss()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await until('its calls to end', async () => (await callsOf(server, 'active')) === 1 || undefined)
    expect(wrong).toEqual([])
  })

  test('an address alone starts nothing', async () => {
    const server = await TestServer.start()
    const { page, wrong } = await open(server, '/try?start=1')
    await page.locator('button:focus:has-text("Start")').waitFor()
    expect(new URL(page.url()).search).toBe('')
    expect(await told(server)).toEqual([])
    expect(wrong).toEqual([])
  })

  test('a key that may not publish is told what it lacks', async () => {
    const server = await TestServer.start()
    const { api_key } = await server.key(['events:read', 'events:write'])
    const tab = await openTab(browser, server, '/try')
    await tab.page.fill('[name=key]', api_key)
    await tab.page.click('text=Sign in')
    await tab.page.getByRole('button', { name: 'Start' }).click()
    await tab.page.locator('.refused code:has-text("calls:publish")').waitFor()
    await pictures(tab.page, 'try-denied')
    await tab.page.getByRole('button', { name: 'Hang up' }).click()
    await tab.page.getByText('no call is left open').waitFor()
    expect(await callsOf(server, 'active')).toBe(0)
    expect(tab.wrong).toEqual([])
  })
})
