import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Attacker } from '../../attacker.js'
import { type Json, TestServer, until } from '../../kit.js'

const CALL = 'CA00112233445566778899aabbccddeeff'
const PHONE = '+15550199'
const WORDS = 'CANARY my card ends in 4242'

test('what people say, their numbers and all secrets stay out of refusals, logs, metrics and whoever may not see them', async () => {
  const server = await TestServer.start({ env: { SWITCHBOARD_LOG_LEVEL: 'trace' } })
  const attacker = new Attacker(server)
  const whole = await server.key(['events:read', 'events:write', 'calls:observe', 'calls:publish', 'pii:read'])
  const types = (await server.request('GET', `/v1/${server.workspace}/event-types`)).items as {
    channel: string
    example: Json
    personal_data: string[]
  }[]
  const refusals: string[] = []
  // Names of fields are told back to whoever sent them; values never are.
  const planted = [WORDS, PHONE, { inner: WORDS }, [WORDS, [PHONE]], `${WORDS}${'x'.repeat(70_000)}`]
  for (const { channel, example, personal_data } of types) {
    const { id, ...event } = example
    const path = channel === 'workspace' ? 'events' : `calls/${CALL}/events`
    for (const [index, name] of Object.keys(event).entries()) {
      if (name === 'type' || name === 'event_type') continue
      // A value of a wrong kind in the one place, and personal data as it should be in the others.
      const personal = Object.fromEntries(
        personal_data.filter((field) => typeof event[field] === 'string').map((field) => [field, WORDS]),
      )
      const body = { ...event, ...personal, [name]: planted[index % planted.length] }
      const headers = { 'idempotency-key': `CANARY-${index}` }
      const asked = { credential: whole.api_key, body, headers }
      const answer = await attacker.asks('POST', `/v1/${server.workspace}/${path}`, asked)
      if (answer.status >= 400) refusals.push(answer.text)
    }
  }
  expect(refusals.length).toBeGreaterThan(50)
  // Where the JSON breaks off in the middle of what somebody said, a parser likes to quote it.
  for (const body of [`{"event_type":"pipeline.error","error":"${WORDS}`, `${WORDS}`, `[{"x":"${PHONE}"`]) {
    for (const type of ['application/json', 'application/x-ndjson', 'text/plain']) {
      const headers = { 'content-type': type }
      const asked = { credential: whole.api_key, body, headers }
      const { status, text } = await attacker.asks('POST', `/v1/${server.workspace}/events`, asked)
      expect(status).toBeGreaterThanOrEqual(400)
      refusals.push(text)
    }
  }
  for (const path of ['events?call_sid=', 'events?types=', 'calls?continuation_token=', 'events/stream?since=']) {
    const text = (await attacker.asks('GET', `/v1/${server.workspace}/${path}`, { credential: whole.api_key })).text
    if (!text.startsWith('{"items"')) refusals.push(text)
  }
  const secrets = [server.adminKey, whole.api_key, whole.api_key.split('_')[2] as string]
  for (const secret of [...secrets, WORDS, 'CANARY', 'ends in 4242', PHONE]) {
    const told = refusals.find((text) => text.includes(secret))
    expect(told?.slice(Math.max(0, told.indexOf(secret) - 150), told.indexOf(secret) + 50)).toBeUndefined()
  }
  const metrics = (await attacker.asks('GET', '/metrics')).text
  await until('the log', () => server.output.split('\n').length > 100 || undefined)
  for (const secret of [...secrets, 'CANARY', PHONE, CALL]) {
    expect(server.output.includes(secret), 'in the output').toBe(false)
    expect(metrics.includes(secret), 'in the metrics').toBe(false)
  }
  // The data folder holds events, and is the owner's; of secrets it holds digests.
  for (const entry of readdirSync(server.dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const bytes = readFileSync(join(entry.parentPath, entry.name))
    for (const secret of secrets) expect(bytes.includes(secret), entry.name).toBe(false)
  }
})
