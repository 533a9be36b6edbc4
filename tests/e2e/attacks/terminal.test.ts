import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { bin, type Json, TestServer } from '../../kit.js'

const CALL = 'CA00112233445566778899aabbccddeeff'
/** What a terminal would obey: a title, the clipboard, the screen, a link, one-byte and two-byte forms, and reversed writing. */
const HOSTILE =
  'before\x1b]0;title\x07\x1b]52;c;ZXZpbA==\x07\x1b[2J\x1b[31m\x1b]8;;http://evil.example\x1b\\x\x9b31m\x9d0;t\x9c\r\n\x08\x7f\u202e\u2066\u2028after'

/** Everything a terminal acts on, but for the end of a line. */
const OBEYED = /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

test('nothing that an event says steers the terminal of who listens, as words or as JSON', async () => {
  const server = await TestServer.start()
  const types = await server.request('GET', `/v1/${server.workspace}/event-types`)
  const hostile = (value: unknown): unknown => {
    if (typeof value === 'string') return HOSTILE
    if (Array.isArray(value)) return value.map(hostile)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, hostile(member)]))
  }
  let planted = 0
  const events = types.items as { channel: string; example: Json }[]
  for (const { channel, example } of events) {
    const { id, ...event } = example
    const isForCall = channel !== 'workspace'
    // Each field by itself: those that have a grammar refuse, and the others must still be tried.
    for (const name of Object.keys(event)) {
      if (name === 'type' || name === 'event_type') continue
      const body = JSON.stringify({ ...event, [name]: hostile(event[name]) })
      const path = isForCall ? `calls/${CALL}/events` : 'events'
      const answer = await fetch(`${server.url}/v1/${server.workspace}/${path}`, {
        method: 'POST',
        headers: { ...server.headers(), 'content-type': 'application/json' },
        body,
      })
      expect([201, 422], `${name} of ${JSON.stringify(event).slice(0, 80)}`).toContain(answer.status)
      // What is refused is shown to who published it: the answer obeys the same rule.
      expect(await answer.text()).not.toMatch(OBEYED)
      if (answer.status === 201) planted += isForCall ? 0 : 1
    }
  }
  expect(planted).toBeGreaterThan(30)
  const { id: _, ...ended } = events.find(({ example }) => example.event_type === 'call.ended')?.example ?? {}
  await server.publish([{ ...ended, call_sid: CALL }])
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [bin, ...args], { env: server.clientEnv, encoding: 'utf8', timeout: 30_000 })
  for (const args of [
    ['tail', '--since', '1h', '--count', String(planted)],
    ['tail', '--since', '1h', '--count', String(planted), '--json'],
    ['observe', CALL],
    ['observe', CALL, '--json'],
  ]) {
    const { stdout, stderr } = run(...args)
    expect(stdout, args.join(' ')).toContain('before')
    expect(OBEYED.exec(stdout + stderr)?.[0], args.join(' ')).toBeUndefined()
  }
})
