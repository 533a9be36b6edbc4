import { describe, expect, test } from 'vitest'
import { openTestApp, type TestApp } from './server.test-kit.js'

const service = '9e8d7c6b-5a49-4382-b716-05f4e3d2c107'
const started = (callSid: string): object => ({
  event_type: 'call.started',
  call_sid: callSid,
  direction: 'inbound',
  service_id: service,
  caller_id: '+15550100',
})
const archived = { event_type: 'surface.archived', surface_id: service }

interface Page {
  items: Record<string, unknown>[]
  has_more: boolean
  continuation_token: string | null
  position: string
  gap?: Record<string, unknown>
}

async function read(server: TestApp, query = '', credential?: string): Promise<Page> {
  const path = `/v1/${server.workspace}/events?${query}`
  const answer = await server.ask('GET', path, credential === undefined ? {} : { credential })
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return answer.json()
}

async function publish(server: TestApp, ...events: readonly object[]): Promise<string[]> {
  return (await server.ask('POST', `/v1/${server.workspace}/events`, { body: { events } })).json().ids
}

describe('history', () => {
  test('of a workspace without events is empty, with a position to stream from', async () => {
    const server = await openTestApp()
    const page = await read(server)
    expect(page).toEqual({
      items: [],
      has_more: false,
      continuation_token: null,
      position: expect.stringMatching(/^\d+-0$/),
    })
  })

  test('in pages of any size is all of it, once, and ends where a stream goes on', async () => {
    const server = await openTestApp()
    const ids = await publish(server, ...Array.from({ length: 7 }, (_, index) => started(`CA${index}`)))
    for (const limit of [1, 3, 7, 8]) {
      const seen: unknown[] = []
      let page = await read(server, `limit=${limit}`)
      seen.push(...page.items.map(({ id }) => id))
      while (page.continuation_token !== null) {
        page = await read(server, `limit=${limit}&continuation_token=${page.continuation_token}`)
        seen.push(...page.items.map(({ id }) => id))
      }
      expect(seen).toEqual(ids)
      expect([page.has_more, page.position]).toEqual([false, ids[6]])
    }
  })

  test('begins after a position, at an instant, or an age ago', async () => {
    const server = await openTestApp()
    const [first = '', second = ''] = await publish(server, started('CA1'), started('CA2'))
    const [time = ''] = first.split('-')
    expect((await read(server, `after=${first}`)).items.map(({ id }) => id)).toEqual([second])
    expect((await read(server, `after=${time}`)).items).toHaveLength(2)
    expect((await read(server, `after=${Number(time) + 60_000}`)).items).toEqual([])
    expect((await read(server, 'since=1h')).items).toHaveLength(2)
    expect((await read(server, `since=${new Date(Number(time)).toISOString()}`)).items).toHaveLength(2)
    expect((await read(server, `after=${second}`)).items).toEqual([])
  })

  test('is filtered as the stream is: by types or ids, all names together', async () => {
    const server = await openTestApp()
    await publish(server, started('CA1'), archived, started('CA2'), started('CA3'))
    const calls = async (query: string): Promise<unknown[]> =>
      (await read(server, query)).items.map(({ call_sid }) => call_sid)
    expect(await calls('types=call.*')).toEqual(['CA1', 'CA2', 'CA3'])
    expect(await calls('types=call.started,surface.archived&call_sid=CA1&call_sid=CA3')).toEqual(['CA1', 'CA3'])
    expect(await calls(`types=call.*&surface_id=${service}`)).toEqual([])
    expect(await read(server, 'call_sid=CA1&limit=1')).toMatchObject({ has_more: true })
  })

  test('masks personal data for a key without pii:read', async () => {
    const server = await openTestApp()
    const [id] = await publish(server, started('CA1'))
    const key = await server.key('events:read')
    expect((await read(server, '', key)).items).toEqual([{ id, ...started('CA1'), caller_id: '[masked]' }])
    const seeing = await server.key('events:read', 'pii:read')
    expect((await read(server, '', seeing)).items).toEqual([{ id, ...started('CA1') }])
  })

  test('tells of what is gone between the position asked for and the page', async () => {
    const server = await openTestApp()
    const [first = ''] = await publish(server, started('CA1'), started('CA2'))
    await server.engine.log.erase({ workspace: server.workspace })
    const [third = ''] = await publish(server, started('CA3'))
    const page = await read(server, `after=${first}`)
    expect(page.items.map(({ id }) => id)).toEqual([third])
    expect(page.gap).toMatchObject({ code: 'history_truncated', requested: first, oldest: third })
    expect((await read(server)).gap).toBeUndefined()
    expect((await read(server, 'after=1-99')).gap).toMatchObject({ code: 'unknown_position' })
  })

  test('of a call that nobody has told of is no page but a failure', async () => {
    const server = await openTestApp()
    const path = `/v1/${server.workspace}/calls/CA1/events`
    const answer = await server.ask('GET', path)
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'call_unknown'])
    await publish(server, started('CA1'))
    expect((await server.ask('GET', path)).json()).toMatchObject({ items: [], has_more: false })
  })

  test('of a call is not for a token that is limited to another', async () => {
    const server = await openTestApp()
    await publish(server, started('CA1'), started('CA2'))
    const asked = await server.ask('POST', `/v1/${server.workspace}/access-tokens`, {
      body: { permissions: ['calls:observe'], call_sids: ['CA1'] },
    })
    const credential = asked.json().access_token
    const status = async (call: string): Promise<number> =>
      (await server.ask('GET', `/v1/${server.workspace}/calls/${call}/events`, { credential })).statusCode
    expect([await status('CA1'), await status('CA2')]).toEqual([200, 403])
  })
})
