import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { bin, type Json, TestServer } from '../kit.js'
import { inBrowser, openTab, signIn } from './console-tab.js'

/** Set to a folder, every page is photographed into it: in both themes, on a desk and on a telephone, full and empty. */
const PICTURES = process.env.SWITCHBOARD_TEST_PICTURES
const PAGES = ['calls', 'live', 'surfaces', 'operators', 'pipelines', 'try', 'streams', 'keys', 'calls/CA-live']
const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } }

const MARA = '2a9d6e70-8b14-4c3f-a1d2-5e7f90b1c203'
/** A call that waits for a person, one on which somebody speaks, and what was said on it: simulated ones are all over. */
async function tellLiveCalls(server: TestServer): Promise<void> {
  const call = (call_sid: string, caller_id: string): Json => ({
    event_type: 'call.started',
    call_sid,
    direction: 'inbound',
    service_id: 'front-desk',
    caller_id,
  })
  const escalated = { event_type: 'call.escalated', trigger: 'caller', reason: 'asked for a person' }
  await server.publish([
    call('CA-wait', '+15550142'),
    call('CA-live', '+15550117'),
    call('CA-calm', '+15550163'),
    { ...escalated, call_sid: 'CA-live', escalation_id: 'E2' },
    { event_type: 'operator.registered', operator_id: MARA },
    { event_type: 'operator.profile_updated', operator_id: MARA, changes: { name: 'Mara' } },
    { event_type: 'operator.joined_call', operator_id: MARA, call_sid: 'CA-live', mode: 'takeover' },
    { ...escalated, call_sid: 'CA-wait', escalation_id: 'E1' },
    { event_type: 'pipeline.error', data_source_id: 'records', error: 'GET /Patient: 503 after 3 tries' },
    { event_type: 'surface.created', surface_id: 'form-1', entity_id: 'patient-1', channel: 'sms', fields_count: 3 },
    { event_type: 'surface.pending_review', surface_id: 'form-1', entity_id: 'patient-1' },
  ])
  const tool = { tool_name: 'find_appointment', call_id: 't1', integration_name: 'schedule' }
  await server.publish(
    [
      { type: 'media_attached', leg: 'caller' },
      { type: 'agent_transcript', transcript: 'Harbor Clinic, how can I help?' },
      { type: 'user_transcript', transcript: 'I need to move my Thursday visit.' },
      { type: 'tool_call_started', ...tool, input: { day: 'thursday' } },
      { type: 'tool_call_completed', ...tool, output: '{"found":0}', duration_ms: 871 },
      { type: 'barge_in', discarded_texts: ['Would Friday suit you?'] },
      { type: 'agent_transcript', transcript: 'I cannot see a visit on Thur', interrupted: true },
      { type: 'user_transcript', transcript: 'No. Please put me through.', is_barge_in: true },
      { type: 'forward_call_resolved', location_name: 'Front desk', result: 'failed', error: 'closed at this hour' },
      { type: 'speaker_muted', muted: true },
      { type: 'user_transcript', transcript: 'This is Mara at Harbor Clinic.', speaker_role: 'operator' },
    ],
    'CA-live',
  )
}

function simulate(server: TestServer): void {
  const args = ['simulate', '--seed', '7', '--duration', '4m', '--speed', 'max']
  const { status, stderr } = spawnSync(process.execPath, [bin, ...args], { env: server.clientEnv, encoding: 'utf8' })
  expect(`${status} ${status === 0 ? '' : stderr}`).toBe('0 ')
}

/** What axe finds that keeps people out: rule, and where. */
async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
    interface Found {
      readonly id: string
      readonly impact: string
      readonly nodes: readonly { readonly target: unknown; readonly failureSummary: string }[]
    }
    const here = globalThis as unknown as { axe: { run(): Promise<{ violations: Found[] }> } }
    const { violations } = await here.axe.run()
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map((each) => `${id} ${String(each.target)}: ${each.failureSummary}`))
  })
}

inBrowser('every page of the console', (browser) => {
  async function look(server: TestServer, state: string): Promise<void> {
    const { page, wrong } = await openTab(browser, server)
    await signIn(server, page)
    await page.locator('.page h1, .page h2, .page .timeline').first().waitFor()
    const found: string[] = []
    for (const theme of ['light', 'dark']) {
      if (theme === 'dark') await page.click('[aria-label="Use dark colours"]')
      for (const [size, viewport] of Object.entries(SIZES)) {
        await page.setViewportSize(viewport)
        for (const path of PAGES) {
          await page.goto(`${server.url}/console/${path}`)
          await page.locator('.top .connection.live').waitFor()
          await page.locator('.skeleton').waitFor({ state: 'detached' })
          const name = `${path.replace('/', '-')} ${state} ${theme} ${size}`
          for (const barrier of await barriers(page)) found.push(`${name}: ${barrier}`)
          const width = await page.evaluate(() => document.documentElement.scrollWidth)
          if (width > viewport.width) found.push(`${name}: is ${width} px wide`)
          if (PICTURES === undefined) continue
          mkdirSync(PICTURES, { recursive: true })
          await page.screenshot({ path: `${PICTURES}/${name.replaceAll(' ', '-')}.png` })
        }
      }
    }
    expect(found).toEqual([])
    expect(wrong).toEqual([])
  }

  test('keeps nobody out, and fits a telephone, when it is full', async () => {
    const server = await TestServer.start()
    simulate(server)
    await tellLiveCalls(server)
    await look(server, 'full')
  }, 120_000)

  test('keeps nobody out, and fits a telephone, when it is empty', async () => {
    await look(await TestServer.start(), 'empty')
  }, 120_000)
})
