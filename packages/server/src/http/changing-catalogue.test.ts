import { builtinCatalogue, type Catalogue, type EventDefinition } from '@switchboard/contract'
import { Type } from 'typebox'
import { expect, test } from 'vitest'
import { openTestApp } from './server.test-kit.js'

function orderPlaced(isPersonal: boolean): EventDefinition {
  const note = Type.String({ description: 'What was said.', ...(isPersonal && { 'x-personal-data': true }) })
  return {
    channel: 'workspace',
    type: 'acme.order_placed',
    title: 'Order placed',
    meaning: 'A customer has placed an order.',
    fields: { note },
    example: { event_type: 'acme.order_placed', note: 'a note' },
  }
}

test('a type that comes, changes and goes while the server runs does so wherever types are known', async () => {
  let present = builtinCatalogue
  const catalogue: Catalogue = {
    all: (kind) => present.all(kind),
    get: (kind, type) => present.get(kind, type),
    nearest: (kind, name) => present.nearest(kind, name),
  }
  const server = await openTestApp({ catalogue })
  const events = `/v1/${server.workspace}/events`
  const viewer = await server.key('events:read')
  const look = async () => {
    const body = { event_type: 'acme.order_placed', note: 'a secret' }
    const published = await server.ask('POST', events, { body })
    const filtered = await server.ask('GET', `${events}?types=acme.order_placed`, { credential: viewer })
    const types = (await server.ask('GET', `/v1/${server.workspace}/event-types`)).json()
    const page = await server.ask('GET', '/docs')
    return {
      published: published.json().code ?? 'ok',
      read: filtered.json().code ?? filtered.json().items.at(-1)?.note,
      listed: types.items.some(({ type }: { type: string }) => type === 'acme.order_placed'),
      openapi: 'AcmeOrderPlacedEvent' in (await server.ask('GET', '/openapi.json')).json().components.schemas,
      asyncapi: 'AcmeOrderPlacedEvent' in (await server.ask('GET', '/asyncapi.json')).json().components.schemas,
      docs: page.body.includes('acme.order_placed'),
      etag: page.headers.etag,
    }
  }
  const unknown = {
    published: 'unknown_event_type',
    read: 'invalid_parameter',
    listed: false,
    openapi: false,
    asyncapi: false,
    docs: false,
  }
  const known = { published: 'ok', read: 'a secret', listed: true, openapi: true, asyncapi: true, docs: true }

  const before = await look()
  expect(before).toMatchObject(unknown)
  present = builtinCatalogue.with([orderPlaced(false)])
  const there = await look()
  expect(there).toMatchObject(known)
  expect(there.etag).not.toBe(before.etag)
  present = builtinCatalogue.with([orderPlaced(true)])
  expect(await look()).toMatchObject({ ...known, read: '[masked]' })
  present = builtinCatalogue
  expect(await look()).toEqual(before)
})
