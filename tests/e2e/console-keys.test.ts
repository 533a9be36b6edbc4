import { expect, test } from 'vitest'
import { TestServer } from '../kit.js'
import { inBrowser, openTab, pictures, signIn } from './console-tab.js'

inBrowser('keys and streams in a browser', (browser) => {
  test('a key is made and used, its stream is seen, and both end when it is revoked', async () => {
    const server = await TestServer.start()
    const { page, wrong } = await openTab(browser, server, '/keys')
    await signIn(server, page)
    await page.locator('text=No keys yet').waitFor()
    await page.fill('[name=name]', 'Front <b>desk</b>')
    await pictures(page, 'keys-empty')
    await page.press('[name=name]', 'Enter')
    const secret = await page.locator('[data-testid=secret]').innerText()
    const row = page.locator('[data-key]:has-text("Front <b>desk</b>")')
    await row.waitFor()
    await pictures(page, 'keys')
    await page.click('text=I have it')
    await page.locator('[data-testid=secret]').waitFor({ state: 'detached' })
    expect(await page.content()).not.toContain(secret)

    const stream = await fetch(`${server.url}/v1/${server.workspace}/events/stream?types=call.*`, {
      headers: { authorization: `Bearer ${secret}` },
    })
    expect(stream.status).toBe(200)
    const told = stream.text()
    await page.click('nav >> text=Streams')
    const open = page.locator('[data-stream]:has-text("Front <b>desk</b>")')
    await open.locator('text=call.*').waitFor()
    await open.locator('text=masked').waitFor()
    await open.locator('text=up to date').waitFor()
    await pictures(page, 'streams')

    await page.click('nav >> text=Keys')
    await row.locator('text=Revoke').click()
    const dialog = page.locator('dialog[open]')
    await dialog.locator('text=end within 2 seconds').waitFor()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await row.locator('text=Revoke').click()
    await dialog.locator('text=Revoke it').click()
    await row.waitFor({ state: 'detached' })
    expect(await told).toContain('credential_revoked')
    await page.click('nav >> text=Streams')
    await page.locator('[aria-label=Refusals] >> text=credential_revoked').waitFor()
    await open.waitFor({ state: 'detached' })

    await page.click('nav >> text=Keys')
    const trail = page.locator('[aria-label="Access trail"]')
    // The newest on top: the key was revoked, and its stream ended for it.
    await trail.locator('tr:has-text("key.revoked"):has-text("admin key")').waitFor()
    await trail.locator('tr:has-text("stream.ended"):has-text("credential_revoked"):has-text("masked")').waitFor()
    const actions = await trail.locator('td[data-label=Did]').allInnerTexts()
    expect(actions.indexOf('key.revoked')).toBeLessThan(actions.indexOf('key.created'))
    expect(await trail.innerText()).not.toContain(secret)
    await pictures(page, 'keys-trail')
    expect(wrong).toEqual([])
  })
})
