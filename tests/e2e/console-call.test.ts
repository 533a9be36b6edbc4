import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { type Json, TestServer, until } from '../kit.js'
import { inBrowser, openTab, pictures, signIn, type Tab } from './console-tab.js'

const MARA = '2a9d6e70-8b14-4c3f-a1d2-5e7f90b1c203'
const started: Json = {
  event_type: 'call.started',
  call_sid: 'CA1',
  direction: 'inbound',
  service_id: 'front-desk',
  caller_id: '+15550142',
}
const ended: Json = {
  event_type: 'call.ended',
  call_sid: 'CA1',
  direction: 'inbound',
  duration_seconds: 72,
  completion_reason: 'completed',
  escalated: true,
}
const escalated: Json = {
  event_type: 'call.escalated',
  call_sid: 'CA1',
  escalation_id: 'E1',
  trigger: 'caller',
  reason: 'asked for a person',
}
const mara = (happened: string, more: Json = {}): Json => ({
  event_type: `operator.${happened}`,
  operator_id: MARA,
  ...more,
})
const caller = (transcript: string, more: Json = {}): Json => ({ type: 'user_transcript', transcript, ...more })
const agent = (transcript: string, interrupted = false): Json => ({ type: 'agent_transcript', transcript, interrupted })
const delta = (text: string): Json => ({ type: 'agent_transcript_delta', delta: text })
const tool = (happened: string, more: Json): Json => ({
  type: `tool_call_${happened}`,
  tool_name: 'find_appointment',
  call_id: 't1',
  ...more,
})

inBrowser('one call in a browser', (browser) => {
  async function open(server: TestServer, path = '/calls/CA1'): Promise<Tab> {
    const tab = await openTab(browser, server, path)
    await signIn(server, tab.page)
    return tab
  }

  /** What stands in the conversation, a line each. */
  const lines = (page: Page): Promise<string[]> =>
    page.locator('.said li').evaluateAll((rows) =>
      rows.map((row) =>
        [...row.children]
          .slice(1)
          .map((each) => (each as HTMLElement).innerText.trim())
          .join(' | '),
      ),
    )

  async function shows(page: Page, wanted: readonly string[]): Promise<void> {
    let seen: string[] = []
    await until(`${wanted.length} lines`, async () => {
      seen = await lines(page)
      return seen.join('\n') === wanted.join('\n') || undefined
    }).catch(() => undefined)
    expect(seen).toEqual(wanted)
  }

  test('is shown whole to who comes late, and as it is spoken; text grows, is cut off, and becomes one turn', async () => {
    const server = await TestServer.start()
    await server.publish([started, mara('registered'), mara('profile_updated', { changes: { name: 'Mara' } })])
    await server.publish([agent('Harbor Clinic, how can I help?'), caller('I need to move my visit.')], 'CA1')
    const { page, wrong } = await open(server, '/calls')
    await page.click('[data-call=CA1] a')
    const past = ['agent | Harbor Clinic, how can I help?', 'caller | I need to move my visit.']
    await shows(page, past)
    await page.locator('.call-head >> text=+15550142').waitFor()

    await server.publish([delta('I cannot see ')], 'CA1')
    await shows(page, [...past, 'agent | I cannot see'])
    expect(await page.locator('.turn.growing .caret').count()).toBe(1)
    await server.publish([delta('a visit on ')], 'CA1')
    await shows(page, [...past, 'agent | I cannot see a visit on'])
    const cut = { type: 'barge_in', discarded_texts: ['Would Friday suit you?'] }
    await server.publish(
      [cut, agent('I cannot see a visit on Thur', true), caller('No.', { is_barge_in: true })],
      'CA1',
    )
    const cutOff = [
      'agent | I cannot see a visit on Thur— interrupted\nnot said: Would Friday suit you?',
      'caller cut in | No.',
    ]
    await shows(page, [...past, ...cutOff])

    await server.publish([escalated])
    await page.locator('.call-head >> text=waits for a person').waitFor()
    await server.publish([mara('joined_call', { call_sid: 'CA1', mode: 'takeover' })])
    await server.publish(
      [{ type: 'speaker_muted', muted: true }, caller('This is Mara.', { speaker_role: 'operator' })],
      'CA1',
    )
    await page.locator('.call-head >> text=Mara speaks').waitFor()
    await shows(page, [
      ...past,
      ...cutOff,
      '▲ a person is asked for by the caller: asked for a person',
      '▲ Mara takes over',
      'the agent is muted',
      'Mara | This is Mara.',
    ])
    // This page is the one who watches.
    await page.locator('.call-head >> text=1 watching').waitFor()
    await page.locator('[aria-label=Watching] >> text=sees all').waitFor()
    await page.click('summary:has-text("Who has watched")')
    await page.locator('[data-record]:has-text("observer.opened"):has-text("admin key")').first().waitFor()
    await pictures(page, 'call-live')
    expect(wrong).toEqual([])
  })

  test('has its tools with input, output, duration and failure, its forwards, and who is heard', async () => {
    const server = await TestServer.start()
    await server.publish([started])
    await server.publish(
      [tool('started', { input: { day: 'thursday' } }), { type: 'media_attached', leg: 'caller' }],
      'CA1',
    )
    const { page, wrong } = await open(server)
    const tools = page.locator('[aria-label=Tools] li')
    await page.locator('.tool.running >> text=find_appointment').waitFor()
    await server.publish([tool('completed', { output: '{"found":0}', duration_ms: 871 })], 'CA1')
    await page.locator('.tool.succeeded >> text=871 ms').waitFor()
    await tools.first().locator('summary').click()
    expect(await page.locator('[aria-label="Input of find_appointment"]').innerText()).toContain('"day": "thursday"')
    expect(await page.locator('[aria-label="Output of find_appointment"]').innerText()).toContain('"found": 0')
    await server.publish(
      [
        tool('started', { call_id: 't2' }),
        tool('completed', { call_id: 't2', succeeded: false, error: 'timed out', duration_ms: 30 }),
        { type: 'forward_call_resolved', location_name: 'Front desk', result: 'failed', error: 'closed at this hour' },
      ],
      'CA1',
    )
    await page.locator('.tool.failed >> text=timed out').waitFor()
    expect(await tools.count()).toBe(2)
    await page.locator('[aria-label=Forwards] >> text=closed at this hour').waitFor()
    expect(await page.locator('[aria-label="On the line"]').innerText()).toContain('caller ● heard since')
    await page.click('text=All events')
    await page.locator('.all-events summary >> text=forward_call_resolved').click()
    expect(await page.locator('[aria-label=forward_call_resolved]').innerText()).toContain(
      '"location_name": "Front desk"',
    )
    await pictures(page, 'call-tools')
    expect(wrong).toEqual([])
  })

  test('that has ended is replayed from its beginning, at a speed of choice, and shown at any moment', async () => {
    const server = await TestServer.start()
    await server.publish([started])
    await server.publish([agent('Harbor Clinic.')], 'CA1')
    const between = Date.now()
    await until('a millisecond to pass', () => Date.now() > between + 400 || undefined)
    await server.publish([caller('Goodbye.'), { type: 'session_end', completion_reason: 'completed' }], 'CA1')
    await server.publish([ended])
    const { page, wrong } = await open(server)
    const all = ['agent | Harbor Clinic.', 'caller | Goodbye.', 'the call is over: completed']
    await shows(page, all)
    await page.locator('.call-head >> text=ended').waitFor()

    await page.locator('[aria-label="Moment of the call"]').fill('100')
    await shows(page, all.slice(0, 1))
    await page.locator('.call-head >> text=replay').waitFor()
    await pictures(page, 'call-replay')
    await page.selectOption('[aria-label=Speed]', '0.5')
    await page.click('[aria-label="Play on"]')
    await page.locator('[aria-label=Pause]').waitFor()
    // It runs on to its end by itself, and there it is over.
    await shows(page, all)
    await page.locator('[aria-label="Play from the beginning"]').waitFor()
    await page.locator('[aria-label="Moment of the call"]').fill('0')
    await page.click('.call-replay >> text=End')
    await shows(page, all)
    expect(wrong).toEqual([])
  })

  test('stays where it is read while more is said, and says how much', async () => {
    const server = await TestServer.start()
    await server.publish([started])
    const said = Array.from({ length: 60 }, (_, n) => caller(`Sentence number ${n}.`))
    await server.publish(said, 'CA1')
    const { page } = await open(server)
    const last = page.locator('.said li').last()
    await page.locator('.said >> text=Sentence number 59.').waitFor()
    await until('the end to be in sight', () => last.isVisible())
    const scroller = page.locator('.said')
    await scroller.evaluate((element) => element.scrollTo({ top: 200 }))
    await server.publish([caller('One more.'), caller('And another.')], 'CA1')
    await page.locator('text=↓ 2 new').waitFor()
    expect(await scroller.evaluate((element) => element.scrollTop)).toBe(200)
    await page.click('text=↓ 2 new')
    await until('the end', () =>
      scroller.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 2),
    )
    expect(await page.locator('text=2 new').count()).toBe(0)
  })

  test('that is long is opened at its end, and followed', async () => {
    const server = await TestServer.start()
    await server.publish([started])
    for (let from = 0; from < 5000; from += 500) {
      // Lines of several heights, which are known only when they are drawn.
      const words = (n: number) => 'and so on '.repeat((n % 7) * 12)
      const said = Array.from({ length: 500 }, (_, n) => caller(`${words(n)}Sentence number ${from + n}.`))
      await server.publish(said, 'CA1')
    }
    const { page } = await open(server)
    const scroller = page.locator('.said')
    await scroller.locator('text=Sentence number 4999.').waitFor()
    await until('the end in sight', () =>
      scroller.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 2),
    )
    expect(await page.locator('.missed').count()).toBe(0)
  })

  test('goes on without a hole or a repeat when the server was killed and is back', async () => {
    const server = await TestServer.start()
    await server.publish([started])
    await server.publish([caller('Before.')], 'CA1')
    const { page } = await open(server)
    await shows(page, ['caller | Before.'])
    await server.kill('SIGKILL')
    await page.locator('.call-head >> text=reconnecting').waitFor()
    await server.run()
    await server.publish([caller('After.'), agent('Yes.')], 'CA1')
    await server.publish([escalated])
    await shows(page, [
      'caller | Before.',
      'caller | After.',
      'agent | Yes.',
      '▲ a person is asked for by the caller: asked for a person',
    ])
  })

  test('is masked for who may not see personal data, and says so', async () => {
    const server = await TestServer.start()
    await server.publish([started])
    await server.publish(
      [delta('Your number '), caller('My number is 42.'), tool('started', { input: { no: 42 } })],
      'CA1',
    )
    const { api_key } = await server.key(['events:read', 'calls:observe'])
    const { page } = await openTab(browser, server, '/calls/CA1')
    await signIn(server, page, api_key)
    await shows(page, ['agent | masked— interrupted', 'caller | masked'])
    await page.locator('[aria-label=Tools] summary').click()
    expect(await page.locator('body').innerText()).not.toMatch(/42|Your number/)
    await pictures(page, 'call-masked')
  })

  test('that nobody has heard of, and that this key may not observe, is said plainly', async () => {
    const server = await TestServer.start()
    await server.publish([started])
    const { page } = await open(server, '/calls/CA404')
    await page.locator('text=No such call').waitFor()
    const { api_key } = await server.key(['events:read'])
    const { page: other } = await openTab(browser, server, '/calls/CA1')
    await signIn(server, other, api_key)
    await other.locator('text=calls:observe').waitFor()
  })

  test('of hostile words stays a page of text', async () => {
    const server = await TestServer.start()
    await server.publish([started])
    const markup = '<img src=x onerror="alert(1)"><script>alert(2)</script><a href="javascript:alert(3)">x</a>'
    await server.publish([caller('Hello.')], 'CA1')
    const { page, wrong } = await open(server)
    await shows(page, ['caller | Hello.'])
    const width = () => page.evaluate(() => document.documentElement.scrollWidth)
    const before = await width()
    await server.publish([caller(markup), caller(`\u202Egnp.exe ${'w'.repeat(60_000)}`), agent(markup)], 'CA1')
    await page.locator('.said li').nth(3).waitFor()
    // What is out of sight is not drawn, and has text all the same.
    expect(await page.locator('.said li').nth(1).textContent()).toContain('<img src=x')
    expect(await page.locator('.said img, .said script, .said a').count()).toBe(0)
    expect(await width()).toBe(before)
    expect(wrong).toEqual([])
  })
})
