import { permissionNames, SwitchboardError } from '@switchboard/contract'
import { expect, test } from 'vitest'
import { type Access, createAccess } from '../access/access.js'
import { digest } from '../access/secret-text.js'
import { systemClock } from '../clock.js'
import type { Store, StoreChange } from '../log/log.js'
import { parseForm, twilioSignature } from '../sources/twilio-signature.js'
import { ADMIN_KEY, openTestApp, type TestApp } from './server.test-kit.js'

/** The store as a process has it that hears of changes only when it asks. */
class ApartStore implements Store {
  refuses = false
  private readonly listeners = new Set<(change: StoreChange) => void>()
  private unheard: StoreChange[] = []

  constructor(private readonly store: Store) {
    store.watch((change) => this.unheard.push(change))
  }

  all: Store['all'] = (kind) => this.store.all(kind)
  put: Store['put'] = (...args) => this.heard(this.store.put(...args))
  delete: Store['delete'] = (...args) => this.heard(this.store.delete(...args))

  async refresh(): Promise<void> {
    if (this.refuses) throw new SwitchboardError('unavailable', 'nobody answers', { retryAfterSeconds: 2 })
    this.hear()
  }

  watch(listener: (change: StoreChange) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private async heard(change: Promise<boolean>): Promise<boolean> {
    const done = await change
    this.hear()
    return done
  }

  private hear(): void {
    for (const change of this.unheard.splice(0)) for (const listener of this.listeners) listener(change)
  }
}

/** A server, and the access of another one of the same deployment. */
async function openTwo(): Promise<{ server: TestApp; store: ApartStore; elsewhere: Access }> {
  let stores: { readonly own: ApartStore; readonly shared: Store } | undefined
  const server = await openTestApp({
    wrap(engine) {
      stores = { own: new ApartStore(engine.store), shared: engine.store }
      return { ...engine, store: stores.own }
    },
  })
  if (stores === undefined) throw new Error('the engine was not opened')
  const elsewhere = await createAccess({
    store: stores.shared,
    clock: systemClock,
    adminKeyDigest: digest(ADMIN_KEY),
    sealingKey: Buffer.alloc(32, 7),
    warn: () => {},
  })
  return { server, store: stores.own, elsewhere }
}

test('a workspace and a key that another server has just made are served at once', async () => {
  const { server, elsewhere } = await openTwo()
  const admin = await elsewhere.authenticate(ADMIN_KEY, '127.0.0.1')
  const { id } = await elsewhere.workspaces.create({ name: 'New', slug: 'new' })
  const read = await server.ask('GET', `/v1/${id}`)
  expect([read.statusCode, read.json().slug]).toEqual([200, 'new'])

  const newer = await elsewhere.workspaces.create({ name: 'Newer', slug: 'newer' })
  const { api_key: credential } = await elsewhere.apiKeys.create(admin, newer.id, {
    name: 'a key',
    permissions: permissionNames,
  })
  const body = { event_type: 'call.started', call_sid: 'CA1', direction: 'inbound' }
  const published = await server.ask('POST', `/v1/${newer.id}/events`, { body, credential })
  expect(published.json().code).not.toBe('unauthenticated')
  const list = (await server.ask('GET', '/v1/workspaces')).json()
  expect(list.items.map(({ slug }: { slug: string }) => slug)).toEqual(['harbor-clinic', 'new', 'newer'])
  const keys = (await server.ask('GET', `/v1/${newer.id}/api-keys`)).json()
  expect(keys.items).toHaveLength(1)
})

test('what cannot be found out is answered 503 with a time to wait, and never 401 or 404', async () => {
  const { server, store, elsewhere } = await openTwo()
  const admin = await elsewhere.authenticate(ADMIN_KEY, '127.0.0.1')
  const { id } = await elsewhere.workspaces.create({ name: 'New', slug: 'new' })
  const { api_key } = await elsewhere.apiKeys.create(admin, id, { name: 'a key', permissions: ['events:read'] })
  store.refuses = true
  const asked = [
    await server.ask('GET', `/v1/${id}`),
    await server.ask('GET', `/v1/${id}/events`, { credential: api_key }),
    await server.ask('GET', '/v1/workspaces'),
    await server.ask('GET', `/v1/${server.workspace}/api-keys`),
  ]
  for (const answer of asked) {
    expect([answer.statusCode, answer.json().code, answer.headers['retry-after']]).toEqual([503, 'unavailable', '2'])
  }
  expect((await server.ask('GET', `/v1/${server.workspace}`)).statusCode).toBe(200)
})

test('a callback is checked with the secret that another server has just set, or replaced', async () => {
  const { server, elsewhere } = await openTwo()
  const admin = await elsewhere.authenticate(ADMIN_KEY, '127.0.0.1')
  const callback = async (workspace: string, authToken: string): Promise<number> => {
    const path = `/v1/${workspace}/sources/twilio`
    const body = 'CallSid=CA1&CallStatus=ringing&Direction=inbound&From=%2B15550100&To=%2B15550101'
    const signature = twilioSignature(authToken, `http://localhost:80${path}`, parseForm(body))
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature }
    return (await server.ask('POST', path, { body, headers, credential: null })).statusCode
  }
  const { id } = await elsewhere.workspaces.create({ name: 'New', slug: 'new' })
  for (const [workspace, token] of [
    [server.workspace, 'first'],
    [server.workspace, 'second'],
    [id, 'third'],
  ] as const) {
    await elsewhere.secrets.put(admin, workspace, 'twilio', token, { service_id: null })
    expect(await callback(workspace, token)).toBe(204)
    expect(await callback(workspace, 'wrong')).toBe(403)
  }
})
