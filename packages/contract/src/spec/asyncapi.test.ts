import { expect, test } from 'vitest'
import { builtinCatalogue } from '../catalogue/index.js'
import { buildAsyncApi } from './asyncapi.js'
import { customType, isCommitted, objectsIn, resolve, schemaReader } from './spec.test-kit.js'

const document = buildAsyncApi(builtinCatalogue, { version: '1.2.3' })

test('every reference leads somewhere', () => {
  let count = 0
  for (const [pointer, object] of objectsIn(document)) {
    if (typeof object.$ref !== 'string') continue
    expect(() => resolve(document, String(object.$ref)), pointer).not.toThrow()
    count++
  }
  expect(count).toBeGreaterThan(150)
})

test('each channel carries each of its types and what it says of itself', () => {
  const { workspaceEvents, callObserver } = document.channels
  expect(Object.keys(workspaceEvents?.messages ?? {})).toEqual([
    ...builtinCatalogue.all('workspace').map(({ schemaName }) => schemaName),
    'StreamOpened',
    'StreamGap',
    'StreamError',
  ])
  expect(Object.keys(callObserver?.messages ?? {})).toEqual([
    ...builtinCatalogue.all('observer').map(({ schemaName }) => schemaName),
    'SessionLive',
    'ObserverGap',
    'ObserverHeartbeat',
  ])
})

test('every example fits the payload of its message', () => {
  const fits = schemaReader(document)
  for (const [name, message] of Object.entries(document.components.messages)) {
    const { payload, examples } = message as { payload: unknown; examples?: { payload: unknown }[] }
    expect(examples?.length, name).toBe(1)
    for (const example of examples ?? []) expect(fits(payload, example.payload), name).toBe('fits')
  }
})

test('the servers follow from the address it is served at', () => {
  const { servers } = buildAsyncApi(builtinCatalogue, {
    version: '1',
    serverUrl: 'https://events.example.com:8443/sb/',
  })
  expect(servers).toMatchObject({
    http: { protocol: 'https', host: 'events.example.com:8443', pathname: '/sb' },
    websocket: { protocol: 'wss', host: 'events.example.com:8443', pathname: '/sb' },
  })
  expect(() => buildAsyncApi(builtinCatalogue, { version: '1', serverUrl: 'events.example.com' })).toThrow(/http:\/\//)
})

test('a type that the deployment added is a message like any other', () => {
  const { components } = buildAsyncApi(builtinCatalogue.with([customType]), { version: '1' })
  expect(components.messages.BillingInvoicePaidEvent).toMatchObject({ name: 'billing.invoice_paid', 'x-custom': true })
})

test('the committed document is what the contract says (else: run `npm run generate`)', () => {
  expect(isCommitted('spec/asyncapi.json', (version) => buildAsyncApi(builtinCatalogue, { version }))).toBe(true)
})
