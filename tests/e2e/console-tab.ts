import { existsSync, mkdirSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, onTestFinished } from 'vitest'
import type { TestServer } from '../kit.js'

const CHROMIUM = '/usr/bin/chromium'

/** Tests in the system's Chromium, one for the whole file; skipped, and said to be, where there is none. */
export function inBrowser(name: string, define: (browser: () => Browser) => void): void {
  const isThere = existsSync(CHROMIUM)
  if (!isThere) console.log(`${name}: not tested, there is no ${CHROMIUM}`)
  describe.skipIf(!isThere)(name, () => {
    let browser: Browser
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: CHROMIUM })
    })
    afterAll(() => browser?.close())
    define(() => browser)
  })
}

/** Sooner than a test gives up, so that it says what it waited for. */
const LOCATOR_MS_MAX = 20_000

/** A tab of the console. It is closed with the test. */
export interface Tab {
  readonly page: Page
  /** What its policy refused, what went wrong, and what it asked of anybody else. */
  readonly wrong: readonly string[]
}

/** Opens a page of the console, given by its address below `/console`. Nobody is signed in. */
export async function openTab(browser: () => Browser, server: TestServer, path = '/'): Promise<Tab> {
  const context = await browser().newContext({ viewport: { width: 1440, height: 900 } })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(LOCATOR_MS_MAX)
  const wrong: string[] = []
  page.on('pageerror', (error) => wrong.push(error.message))
  page.on('request', (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith('data:')) wrong.push(request.url())
  })
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) wrong.push(message.text())
  })
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error('Content Security Policy', event.blockedURI))
  })
  await page.goto(`${server.url}/console${path}`)
  return { page, wrong }
}

/** Set to a folder, pages are photographed into it. */
const PICTURES = process.env.SWITCHBOARD_TEST_PICTURES

/** Photographs a page as it is on a desk, and dark on a telephone, when somebody asked for pictures. */
export async function pictures(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return
  mkdirSync(PICTURES, { recursive: true })
  await page.screenshot({ path: `${PICTURES}/${name}.png` })
  // Not by the button in the head: an open dialog is in front of it.
  const colours = (theme: string) =>
    page.evaluate((to) => document.documentElement.setAttribute('data-theme', to), theme)
  await colours('dark')
  await page.setViewportSize({ width: 390, height: 844 })
  await page.screenshot({ path: `${PICTURES}/${name}-phone-dark.png` })
  await colours('light')
  await page.setViewportSize({ width: 1440, height: 900 })
}

/** Resolves when the page is live. */
export async function signIn(server: TestServer, page: Page, credential = server.adminKey): Promise<void> {
  await page.fill('[name=key]', credential)
  await page.click('text=Sign in')
  await page.locator('.top .connection.live').waitFor()
}
