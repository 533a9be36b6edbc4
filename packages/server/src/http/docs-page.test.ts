import { existsSync } from 'node:fs'
import { buildOpenApi, builtinCatalogue, type EventDefinition } from '@switchboard/contract'
import Fastify, { type FastifyInstance } from 'fastify'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docsPage } from './docs-page.js'

const hostile: EventDefinition = {
  channel: 'workspace',
  type: 'billing.invoice_paid',
  title: 'Invoice paid',
  meaning: 'Paid </p><script>alert(1)</script>.',
  fields: {},
  example: { event_type: 'billing.invoice_paid', note: '</code><img src=x onerror=alert(1)>' },
}

let app: FastifyInstance
let address: string
let html: string

beforeAll(async () => {
  const catalogue = builtinCatalogue.with([hostile])
  const openapi = buildOpenApi(catalogue, { version: '1.2.3' })
  app = Fastify()
  await app.register(docsPage, { catalogue, openApi: () => openapi })
  app.get('/openapi.json', () => openapi)
  address = await app.listen({ host: '127.0.0.1', port: 0 })
  html = (await app.inject('/docs')).body
})

afterAll(() => app.close())

test('the page has every operation, event, failure and shape that it links to, once', () => {
  const ids = [...html.matchAll(/ id="([^"]+)"/g)].map((match) => match[1])
  const links = [...html.matchAll(/ href="#([^"]+)"/g)].map((match) => match[1])
  expect(new Set(ids).size).toBe(ids.length)
  expect(links.filter((link) => !ids.includes(link))).toEqual([])
  for (const { type } of builtinCatalogue.all()) expect(ids).toContain(`event-${type}`)
  for (const id of ['operation-publishEvents', 'failure-too_many_streams', 'schema-CallState'])
    expect(ids).toContain(id)
})

test('a type that the deployment added is on the page, and its words are shown as words', () => {
  expect(html).toContain('id="event-billing.invoice_paid"')
  expect(html).toContain('added by this deployment')
  expect(html).toContain('Paid &lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;.')
  expect(html).not.toContain('<script>alert')
  expect(html).not.toContain('<img')
})

test('units, personal data and what a producer may leave out are said', () => {
  const section = (type: string) => html.split(`id="event-${type}"`)[1]?.split('</section>')[0] ?? ''
  expect(section('call.started')).toContain('personal data')
  expect(section('call.ended')).toMatch(/How long the call lasted\. <span class="mark">s<\/span>/)
  expect(section('tool_call_started')).toMatch(/A producer may leave out .*call_id/)
})

test('no script and no style stands in the page, as its policy asks', async () => {
  const { headers } = await app.inject('/docs')
  expect(headers['content-security-policy']).toContain("script-src 'self'")
  expect(headers['content-security-policy']).not.toContain('unsafe')
  expect([...html.matchAll(/<script(?![^>]* src=)/g)]).toEqual([])
  expect([...html.matchAll(/<style| style=| on[a-z]+="/g)]).toEqual([])
})

test('a browser that has the page is told that it has not changed', async () => {
  const { etag } = (await app.inject('/docs')).headers
  const again = await app.inject({ url: '/docs', headers: { 'if-none-match': String(etag) } })
  expect([again.statusCode, again.body]).toEqual([304, ''])
})

test('/docs/ leads to /docs', async () => {
  const { statusCode, headers } = await app.inject('/docs/')
  expect([statusCode, headers.location]).toEqual([302, '../docs'])
})

test.skipIf(!existsSync('/usr/bin/chromium'))(
  'both pages show in a browser without an error and without a request to anywhere else',
  async () => {
    const browser = await chromium.launch({ executablePath: '/usr/bin/chromium' })
    try {
      const page = await browser.newPage()
      const wrong: string[] = []
      page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()))
      page.on('pageerror', (error) => wrong.push(error.message))
      page.on('request', (request) => {
        if (!request.url().startsWith(address) && !request.url().startsWith('data:')) wrong.push(request.url())
      })

      await page.goto(`${address}/docs`)
      await page.fill('#filter', 'operator.joined')
      expect(await page.locator('main .item:visible').count()).toBe(1)
      // A link to something that the filter hides still leads there.
      await page.goto(`${address}/docs#failure-forbidden`)
      await page.locator('#failure-forbidden').waitFor({ state: 'visible' })

      await page.goto(`${address}/docs/try`)
      await page.locator('.opblock').first().waitFor()
      expect(wrong).toEqual([])
    } finally {
      await browser.close()
    }
  },
)
