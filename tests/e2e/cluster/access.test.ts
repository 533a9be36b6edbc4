import { once } from 'node:events'
import { type AuditRecord, auditBreak } from '@switchboard/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { sha256 } from '../../../packages/cli/src/audit/verify.js'
import { startNats, whyNoNats } from '../../../packages/server/testing/nats.js'
import { type TestServer, until } from '../../kit.js'
import { Cluster } from './cluster.js'
import { CALL, numbered } from './publishers.js'
import { RawStream } from './raw-stream.js'

const reason = await whyNoNats()
if (reason) console.log(`access at several gateways is not tested: ${reason}`)

const ends: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** What the wire contract says of an open stream whose credential is revoked. */
const REVOKED_MS_MAX = 2_000

describe.skipIf(reason)('two gateways of one deployment:', () => {
  let one: TestServer
  let two: TestServer

  beforeAll(async () => {
    const onEnd = (end: () => Promise<void>) => void ends.push(end)
    const cluster = await Cluster.start(await startNats({ onEnd }), { onEnd })
    one = cluster.first
    two = cluster.second
    await one.publish([{ event_type: 'call.started', call_sid: CALL, direction: 'inbound', service_id: SERVICE }])
  })

  test('a key that is revoked at one ends open streams at the other', async () => {
    const { key_id, api_key } = await one.key(['events:read', 'calls:observe'])
    const stream = new RawStream(two, { credential: api_key })
    await stream.opened()
    const socket = new WebSocket(
      `${two.url.replace('http', 'ws')}/v1/${two.workspace}/observers/${CALL}/ws?history=all`,
      ['auth', api_key],
    )
    await once(socket, 'message')
    const closed = once(socket, 'close')
    const revokedAt = performance.now()
    await one.request('DELETE', `/v1/${one.workspace}/api-keys/${key_id}`)
    const [code] = await closed
    await until('the end of the stream', () => stream.isOver || undefined)
    const ms = performance.now() - revokedAt
    expect(code).toBe(4100)
    expect(stream.control('error')).toMatchObject({ code: 'credential_revoked' })
    console.log(`a key revoked at one gateway ended streams at the other within ${Math.round(ms)} ms`)
    expect(ms).toBeLessThan(REVOKED_MS_MAX)
    await expect(two.request('GET', `/v1/${two.workspace}/events`, undefined, api_key)).rejects.toThrow(' 401 ')
  })

  test('a workspace and a key that one has made are good at the other in the next moment', async () => {
    for (let round = 0; round < 20; round++) {
      const [here, there] = round % 2 === 0 ? [one, two] : [two, one]
      const { id } = await here.request('POST', '/v1/workspaces', { name: 'New', slug: `new-${round}` })
      const permissions = ['events:read', 'events:write']
      const made = await here.request('POST', `/v1/${id}/api-keys`, { name: 'new', permissions })
      const { ids } = await there.request('POST', `/v1/${id}/events`, numbered(round, 0), String(made.api_key))
      expect(ids).toHaveLength(1)
    }
  })

  test('an access token of one is good at the other, and no longer than its key', async () => {
    const { key_id, api_key } = await one.key(['events:read'])
    const body = { permissions: ['events:read'], ttl_seconds: 600 }
    const minted = await one.request('POST', `/v1/${one.workspace}/access-tokens`, body, api_key)
    const token = String(minted.access_token)
    const stream = new RawStream(two, { credential: token })
    await stream.opened()
    await one.request('DELETE', `/v1/${one.workspace}/api-keys/${key_id}`)
    await until('the end of the stream', () => stream.isOver || undefined, REVOKED_MS_MAX)
    expect(stream.control('error')).toMatchObject({ code: 'credential_revoked' })
  })

  test('a stream that opens at one goes on from a position that the other has just given', async () => {
    for (let round = 0; round < 30; round++) {
      const [here, there] = round % 2 === 0 ? [one, two] : [two, one]
      const [before] = await here.publish([numbered(2 * round, 0)])
      const stream = new RawStream(there, { headers: { 'last-event-id': String(before) } })
      await stream.opened()
      expect(stream.control('stream.opened')).toMatchObject({ resumed: true })
      const [next] = await there.publish([numbered(2 * round + 1, 0)])
      await stream.has(next)
      expect(stream.control('stream.gap')).toBeUndefined()
      expect(stream.ids).toEqual([next])
      stream.close()
    }
  })

  test('what both note is one trail, which both show', async () => {
    const { head } = await one.request('GET', `/v1/${one.workspace}/audit?limit=1`)
    const noted = (head as { sequence: number }).sequence
    const token = (gateway: TestServer) =>
      gateway.request('POST', `/v1/${one.workspace}/access-tokens`, { permissions: ['events:read'] })
    await Promise.all(Array.from({ length: 40 }, (_, n) => token(n % 2 === 0 ? one : two)))
    const path = `/v1/${one.workspace}/audit?limit=1000&action=token.issued&after=${noted}`
    const issued = (await two.request('GET', path)).items as AuditRecord[]
    expect(issued).toHaveLength(40)
    expect(new Set(issued.map(({ server }) => server)).size).toBe(2)
    const until = issued.at(-1)?.sequence ?? 0
    const [here, there] = (await Promise.all(
      [one, two].map(async (gateway) => (await gateway.request('GET', `/v1/${one.workspace}/audit?limit=1000`)).items),
    )) as [AuditRecord[], AuditRecord[]]
    expect(there.slice(0, until)).toEqual(here.slice(0, until))
    let before: AuditRecord | undefined
    for (const record of here) {
      expect(auditBreak(record, before, sha256), `record ${record.sequence}`).toBeUndefined()
      before = record
    }
  })
})

const SERVICE = 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05'
