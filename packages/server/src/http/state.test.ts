import { describe, expect, test } from 'vitest'
import { openTestApp, type TestApp } from './server.test-kit.js'

const service = '9e8d7c6b-5a49-4382-b716-05f4e3d2c107'
const operator = '2a9d6e70-8b14-4c3f-a1d2-5e7f90b1c203'
const started = (callSid: string): object => ({
  event_type: 'call.started',
  call_sid: callSid,
  direction: 'inbound',
  service_id: service,
  caller_id: '+15550100',
})
const ended = (callSid: string): object => ({
  event_type: 'call.ended',
  call_sid: callSid,
  direction: 'inbound',
  duration_seconds: 3,
  completion_reason: 'completed',
  escalated: false,
})
const escalated = (callSid: string): object => ({
  event_type: 'call.escalated',
  call_sid: callSid,
  escalation_id: 'esc_1',
  trigger: 'caller',
  reason: 'said to be Mara',
})
const profile = {
  event_type: 'operator.profile_updated',
  operator_id: operator,
  changes: { name: 'Mara', phone_number: null },
}
const sync = { event_type: 'pipeline.sync_completed', data_source_id: service, event_count: 1, duration_ms: 2 }
const surface = {
  event_type: 'surface.created',
  surface_id: service,
  entity_id: service,
  channel: 'sms',
  fields_count: 3,
}

async function publish(server: TestApp, ...events: readonly object[]): Promise<string[]> {
  return (await server.ask('POST', `/v1/${server.workspace}/events`, { body: { events } })).json().ids
}

async function get(server: TestApp, path: string, credential?: string): Promise<Record<string, unknown>> {
  const answer = await server.ask('GET', `/v1/${server.workspace}${path}`, credential ? { credential } : {})
  return answer.json()
}

describe('the list of calls', () => {
  test('leaves out what ended before an instant, and nothing that is active', async () => {
    const server = await openTestApp()
    await publish(server, ended('CA-old'), started('CA-active'))
    const first = (await get(server, '/calls/CA-old')) as { call: { ended_at: string } }
    const since = new Date(Date.parse(first.call.ended_at) + 1).toISOString()
    const sids = async (query: string) =>
      ((await get(server, `/calls?${query}`)).items as { call_sid: string }[]).map(({ call_sid }) => call_sid).sort()
    expect(await sids(`ended_since=${since}`)).toEqual(['CA-active'])
    expect(await sids(`ended_since=${first.call.ended_at}`)).toEqual(['CA-active', 'CA-old'])
    expect(await sids(`ended_since=${since}&status=ended`)).toEqual([])
    expect(await get(server, '/calls?ended_since=yesterday')).toMatchObject({ code: 'invalid_parameter' })
  })
})

describe('state', () => {
  test('is what the events say, at the position of the last of them', async () => {
    const server = await openTestApp()
    const ids = await publish(server, ended('CA1'), started('CA2'), profile, sync, surface)
    const state = await get(server, '/state')
    expect(state).toMatchObject({
      calls: [
        { call_sid: 'CA2', status: 'active', caller_id: '+15550100' },
        { call_sid: 'CA1', status: 'ended' },
      ],
      operators: [{ operator_id: operator, profile: { name: 'Mara' } }],
      surfaces: [{ surface_id: service }],
      sources: [{ data_source_id: service }],
      has_more: false,
      position: ids[4],
    })
  })

  test('of a workspace without events is empty', async () => {
    const server = await openTestApp()
    expect(await get(server, '/state')).toEqual({
      calls: [],
      operators: [],
      surfaces: [],
      sources: [],
      has_more: false,
      position: expect.stringMatching(/^\d+-0$/),
    })
  })

  test('lists calls in pages, all of them or those that are active', async () => {
    const server = await openTestApp()
    await publish(server, ...['CA1', 'CA2', 'CA3', 'CA4', 'CA5'].map(started), ended('CA2'), ended('CA4'))
    const walk = async (query: string): Promise<unknown[]> => {
      const seen: unknown[] = []
      let token: unknown = null
      do {
        const page = await get(server, `/calls?${query}${token === null ? '' : `&continuation_token=${String(token)}`}`)
        seen.push(...(page.items as { call_sid: string }[]).map(({ call_sid }) => call_sid))
        token = page.continuation_token
      } while (token !== null)
      return seen
    }
    expect(await walk('limit=2')).toEqual(['CA1', 'CA2', 'CA3', 'CA4', 'CA5'])
    expect(await walk('limit=2&status=active')).toEqual(['CA1', 'CA3', 'CA5'])
    expect(await walk('limit=1&status=ended')).toEqual(['CA2', 'CA4'])
    expect(await get(server, '/calls?status=asleep')).toMatchObject({ code: 'invalid_parameter' })
  })

  test('tells of one call, or that there is none', async () => {
    const server = await openTestApp()
    const [id] = await publish(server, started('CA1'))
    expect(await get(server, '/calls/CA1')).toMatchObject({ call: { call_sid: 'CA1' }, position: id })
    expect(await get(server, '/calls/CA2')).toMatchObject({ code: 'call_unknown', status: 404 })
  })

  test('masks what is personal for a key without pii:read, in every list', async () => {
    const server = await openTestApp()
    await publish(server, started('CA1'), escalated('CA1'), profile, surface)
    const key = await server.key('events:read')
    for (const path of ['/state', '/calls', '/calls/CA1', '/operators', '/surfaces', '/pipeline/sources']) {
      const text = JSON.stringify(await get(server, path, key))
      expect(text).not.toMatch(/15550100|Mara/)
      expect(text).toContain('position')
    }
    expect(await get(server, '/operators', key)).toMatchObject({
      items: [{ profile: { name: '[masked]', phone_number: null } }],
    })
  })
})
