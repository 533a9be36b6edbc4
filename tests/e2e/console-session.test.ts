import type { BrowserContext, Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { type Json, TestServer, until } from '../kit.js'
import { inBrowser, openTab, signIn } from './console-tab.js'

const started = (call_sid: string): Json => ({
  event_type: 'call.started',
  call_sid,
  direction: 'inbound',
  service_id: 'front-desk',
})
const live = (page: Page) => page.locator('.top .connection.live').waitFor()
const call = (page: Page, sid: string) => page.locator(`[data-call=${sid}]`)

inBrowser('signing in to the console', (browser) => {
  async function another(context: BrowserContext, server: TestServer, path = '/'): Promise<Page> {
    const page = await context.newPage()
    await page.goto(`${server.url}/console${path}`)
    return page
  }

  test('tabs share one sign-in and one stream, which goes on when the tab that holds it is closed', async () => {
    const server = await TestServer.start()
    const { page: first } = await openTab(browser, server)
    await signIn(server, first)
    const second = await another(first.context(), server)
    const third = await another(first.context(), server, '/live')
    await live(second)
    await live(third)
    await server.publish([started('CA1')])
    for (const page of [first, second]) await call(page, 'CA1').waitFor()
    await third.locator('.event').waitFor()
    await server.streamsOpen('workspace', 1)

    await first.close()
    const [id] = await server.publish([started('CA2')])
    await call(second, 'CA2').waitFor()
    await third.locator(`.event[data-id="${id}"]`).waitFor()
    await server.streamsOpen('workspace', 1)
    await second.close()
    await third.close()
    await server.streamsOpen('workspace', 0)
  })

  test('a server that is killed and comes back has all tabs whole again', async () => {
    const server = await TestServer.start()
    const { page: first } = await openTab(browser, server)
    await signIn(server, first)
    const second = await another(first.context(), server)
    await live(second)
    await server.kill('SIGKILL')
    await second.locator('.top >> text=reconnecting').waitFor()
    await server.run()
    await server.publish([started('CA1')])
    for (const page of [first, second]) {
      await call(page, 'CA1').waitFor()
      await live(page)
    }
  })

  test('the admin key opens every workspace, and the choice among them is in the head', async () => {
    const server = await TestServer.start()
    const { id } = await server.request('POST', '/v1/workspaces', { name: 'Hill Clinic', slug: 'hill-clinic' })
    await server.request('POST', `/v1/${id}/events`, started('CA-hill'))
    await server.publish([started('CA-harbor')])
    const { page } = await openTab(browser, server)
    await signIn(server, page)
    await call(page, 'CA-harbor').waitFor()
    await page.selectOption('[aria-label=Workspace]', 'Hill Clinic')
    await call(page, 'CA-hill').waitFor()
    expect(await call(page, 'CA-harbor').count()).toBe(0)
    await page.reload()
    await call(page, 'CA-hill').waitFor()
  })

  test('a key opens its own workspace, and signing out leaves every tab', async () => {
    const server = await TestServer.start()
    const { api_key } = await server.key(['events:read'])
    const { page } = await openTab(browser, server)
    await signIn(server, page, api_key)
    expect(await page.locator('[aria-label=Workspace] option').first().innerText()).toBe('Harbor Clinic')
    const other = await another(page.context(), server)
    await live(other)
    await page.click('text=Sign out')
    await other.locator('text=Sign in').first().waitFor()
    await server.streamsOpen('workspace', 0)
    await page.reload()
    await page.locator('[name=key]').waitFor()
  })

  test('a wrong key is refused in words, and a revoked one says that it has ended', async () => {
    const server = await TestServer.start()
    const { page } = await openTab(browser, server)
    await page.fill('[name=key]', 'sb_wrong')
    await page.click('text=Sign in')
    expect(await page.locator('[role=alert]').innerText()).toContain('not valid')
    const { api_key, key_id } = await server.key(['events:read'])
    await signIn(server, page, api_key)
    await server.request('DELETE', `/v1/${server.workspace}/api-keys/${key_id}`)
    await page.locator('.top >> text=credential_revoked').waitFor()
    await page.reload()
    await page.locator('text=This sign-in has ended').waitFor()
  })

  test('a key without the permission to read is told which one is missing', async () => {
    const server = await TestServer.start()
    const { api_key } = await server.key(['events:write'])
    const { page } = await openTab(browser, server)
    await page.fill('[name=key]', api_key)
    await page.click('text=Sign in')
    await page.locator('main >> text=events:read').waitFor()
  })

  test('a key that may only manage keys does so, and is told what the other pages need', async () => {
    const server = await TestServer.start()
    const { api_key } = await server.key(['keys:manage'])
    const { page } = await openTab(browser, server, '/keys')
    await page.fill('[name=key]', api_key)
    await page.click('text=Sign in')
    await page.locator('text=Create the key').waitFor()
    await page.goto(`${server.url}/console/calls`)
    await page.locator('main >> text=events:read').waitFor()
  })

  test('a page that is opened while the server is away is whole when it is back', async () => {
    const server = await TestServer.start()
    const [id] = await server.publish([started('CA1')])
    const { page } = await openTab(browser, server, '/surfaces')
    await signIn(server, page)
    await server.kill('SIGKILL')
    await page.locator('.top >> text=reconnecting').waitFor()
    await page.click('nav >> text=Live')
    await page.locator('text=Not connected').waitFor({ timeout: 40_000 })
    await server.run()
    await page.locator(`.event[data-id="${id}"]`).waitFor()
    await page.click('nav >> text=Keys')
    await page.locator('text=Create the key').waitFor()
  })

  test('a link to one call shows that call, to who may see nothing else', async () => {
    const server = await TestServer.start()
    await server.publish([started('CA1')])
    await server.publish([{ type: 'user_transcript', transcript: 'Hello.' }], 'CA1')
    const path = `/v1/${server.workspace}/access-tokens`
    const asked = { permissions: ['calls:observe', 'pii:read'], call_sids: ['CA1'], ttl_seconds: 600 }
    const { access_token } = await server.request('POST', path, asked)
    const context = await browser().newContext()
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.goto(`${server.url}/console/calls/CA1#token=${access_token}`)
    await page.locator('.said >> text=Hello.').waitFor()
    expect(page.url()).toBe(`${server.url}/console/calls/CA1`)
    await page.locator('text=link ends in 10 min').waitFor()
    await page.locator('text=events:read').waitFor()
  })

  test('the digits lead to the pages, and the help says so', async () => {
    const server = await TestServer.start()
    const { page } = await openTab(browser, server)
    await signIn(server, page)
    await page.keyboard.press('3')
    await until('the third page', () => page.url().endsWith('/surfaces') || undefined)
    await page.goto(`${server.url}/console/nowhere`)
    await page.locator('text=No such page').waitFor()
    await page.keyboard.press('3')
    await page.locator('text=No surfaces yet').waitFor()
    await page.keyboard.press('?')
    await page.locator('dialog[open] >> text=Keyboard').waitFor()
    await page.keyboard.press('Escape')
    expect(await page.title()).toBe('Surfaces · Switchboard')
  })
})
