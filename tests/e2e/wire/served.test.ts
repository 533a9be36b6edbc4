import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Json, root, until } from '../../kit.js'
import { ask, Listening, newCall, Place, sample, serverOfFile, Watching } from './outside.js'

const server = serverOfFile()
const open = (path: string, headers: Record<string, string> = {}) =>
  ask(server(), 'GET', path, { credential: null, headers })

/** The seed's types and their fields, as they were given. */
const { workspace, observer } = JSON.parse(readFileSync(join(root, 'tests/fixtures/seed-events.json'), 'utf8'))
const SEED: Readonly<Record<string, string>> = { ...workspace, ...observer }

interface Document {
  readonly openapi?: string
  readonly asyncapi?: string
  readonly paths: Record<string, Record<string, { readonly responses: Json }>>
  readonly components: {
    readonly schemas: Record<
      string,
      {
        readonly discriminator?: { readonly propertyName: string; readonly mapping: Record<string, string> }
        readonly properties?: Json
        readonly oneOf?: unknown[]
      }
    >
  }
}

test('/openapi.json is 3.1 and holds every event type of the seed, by its field names, in two discriminated unions', async () => {
  const answer = await open('/openapi.json')
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
  const document = answer.json as unknown as Document
  expect(document.openapi).toMatch(/^3\.1\./)
  const { schemas } = document.components
  const [workspace, observer] = [schemas.WorkspaceSSEEvent, schemas.ObserverSSEEvent]
  expect([workspace?.discriminator?.propertyName, observer?.discriminator?.propertyName]).toEqual([
    'event_type',
    'type',
  ])
  for (const [type, fields] of Object.entries(SEED)) {
    const union = type.includes('.') ? workspace : observer
    const name = union?.discriminator?.mapping[type]?.split('/').at(-1)
    const properties = Object.keys(schemas[String(name)]?.properties ?? {})
    expect(properties, type).toEqual(expect.arrayContaining(fields.split(', ')))
  }
  for (const path of [
    '/v1/{workspace_id}/events/stream',
    '/v1/{workspace_id}/observers/{call_sid}/ws',
    '/v1/{workspace_id}/events',
    '/v1/{workspace_id}/calls/{call_sid}/events',
    '/v1/{workspace_id}/state',
    '/v1/{workspace_id}/access-tokens',
  ]) {
    expect(Object.keys(document.paths)).toContain(path)
  }
})

test('what is kept in the repository is what is served', async () => {
  const [served, kept] = [await open('/openapi.json'), readFileSync(join(root, 'spec/openapi.json'), 'utf8')]
  expect(Object.keys(served.json.paths as Json).sort()).toEqual(Object.keys(JSON.parse(kept).paths).sort())
  const names = (document: Json) => Object.keys((document.components as { schemas: Json }).schemas).sort()
  expect(names(served.json)).toEqual(names(JSON.parse(kept)))
})

test('/asyncapi.json is 3.0 and holds both channels', async () => {
  const answer = await open('/asyncapi.json')
  expect(answer.status).toBe(200)
  expect(answer.json).toMatchObject({ asyncapi: expect.stringMatching(/^3\.0\./) })
  expect(Object.keys(answer.json.channels as Json).length).toBeGreaterThanOrEqual(2)
  for (const type of Object.keys(SEED)) expect(answer.text).toContain(`"${type}"`)
})

test('every event type carries an example that the server itself takes and delivers', async () => {
  const place = await Place.make(server())
  const { json } = await place.ask('GET', '/event-types')
  const types = json.items as { type: string; channel: string; example: Json }[]
  expect(types.map(({ type }) => type)).toEqual(expect.arrayContaining(Object.keys(SEED)))
  const call = newCall()
  const events = types.filter(({ channel }) => channel === 'workspace').map(({ example }) => example)
  const spoken = types.filter(({ channel, type }) => channel === 'observer' && type !== 'session_end')
  const listening = await Listening.open(place)
  const watching = await (async () => {
    await place.say({ type: 'speaker_muted', muted: false }, call)
    return Watching.open(place, call)
  })()
  await watching.first('session_info')
  await listening.first('stream.opened')
  await place.publish(events)
  await place.publish(
    spoken.map(({ example }) => example),
    call,
  )
  expect((await listening.events(events.length)).map(({ data }) => data)).toEqual(events)
  const heard = await watching.until('all of them', (all) => all.length > spoken.length && all.slice(1))
  expect(heard.map(({ id: _id, ...event }) => event)).toEqual(spoken.map(({ example }) => example))
})

test('/docs is a page that needs nothing from elsewhere', async () => {
  const answer = await open('/docs', { accept: 'text/html' })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toMatch(/^text\/html/)
  expect(answer.headers.get('content-security-policy')).toMatch(/./)
  const sources = [...answer.text.matchAll(/<(?:script|link|img)[^>]*?(?:src|href)="([^"]+)"/g)].map(([, url]) =>
    String(url),
  )
  for (const url of sources.filter((source) => !source.startsWith('data:'))) {
    expect(url).not.toMatch(/^(https?:)?\/\//)
    expect((await open(new URL(url, `${server().url}/docs`).pathname)).status, url).toBe(200)
  }
})

test('/healthz and /readyz answer without a credential', async () => {
  const health = await open('/healthz')
  expect([health.status, health.json]).toEqual([
    200,
    { status: 'ok', version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
  ])
  const ready = await open('/readyz')
  expect(ready.status).toBe(200)
  expect(ready.json).toMatchObject({ status: 'ready', checks: expect.arrayContaining([{ name: 'storage', ok: true }]) })
})

test('/metrics is Prometheus text that counts what happens and holds nothing personal', async () => {
  const place = await Place.make(server())
  const call = newCall()
  await place.say(sample.started(call, { caller_id: '+15550166' }))
  const listening = await Listening.open(place)
  await listening.first('stream.opened')
  const metrics = await open('/metrics')
  expect(metrics.headers.get('content-type')).toMatch(/^text\/plain/)
  expect(metrics.text).toMatch(/^switchboard_open_streams\{kind="workspace"\} [1-9]/m)
  expect(metrics.text).toMatch(/^# TYPE switchboard_\w+ (counter|histogram|gauge)$/m)
  for (const secret of ['+15550166', call, place.id, server().adminKey]) expect(metrics.text).not.toContain(secret)
  listening.close()
  await until('the stream to be counted out', async () => {
    const { text } = await open('/metrics')
    return /^switchboard_open_streams\{kind="workspace"\} 0$/m.test(text) || undefined
  })
})

test('/console/ is a page, or says that it is not here', async () => {
  const answer = await open('/console/', { accept: 'text/html' })
  expect([200, 404]).toContain(answer.status)
  if (answer.status === 200) expect(answer.headers.get('content-type')).toMatch(/^text\/html/)
  const bare = await fetch(`${server().url}/console`, { redirect: 'manual' })
  if (answer.status === 200) {
    expect([301, 302, 307, 308]).toContain(bare.status)
    expect(bare.headers.get('location')).toMatch(/\/console\/$/)
  }
})

test('a client that offers HTTP/2 with each request (h2c) is answered as if it had not, body and all', async () => {
  const place = await Place.make(server())
  const offer = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQCAAAAAAIAAAAA' }
  const headers = { ...offer, authorization: `Bearer ${server().adminKey}`, 'content-type': 'application/json' }
  const posting = request({
    port: server().port,
    host: '127.0.0.1',
    method: 'POST',
    path: place.path('/events'),
    headers,
  })
  onTestFinished(() => void posting.destroy())
  posting.end(JSON.stringify(sample.sync(1, { duration_ms: 2 })))
  const [answer] = await once(posting, 'response')
  expect(answer.statusCode).toBe(201)
  answer.resume()
  // Two on one connection, then a stream on it: it is an ordinary connection still.
  const socket = connect(server().port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes
  })
  const asked = (path: string) =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nAuthorization: Bearer ${server().adminKey}\r\n\r\n`
  for (const round of [1, 2]) {
    socket.write(asked('/healthz'))
    await until('an answer', () => text.split('"status":"ok"').length > round || undefined)
  }
  socket.write(asked(`${place.path('/events/stream')}?since=1h`))
  await until('the event', () => text.includes('event: pipeline.sync_completed') || undefined)
  expect(text).not.toContain('HTTP/1.1 101')
})
