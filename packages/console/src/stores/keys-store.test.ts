import { type ApiKey, SwitchboardError } from '@switchboard/sdk'
import { expect, test } from 'vitest'
import { KeysStore } from './keys-store.js'

const key = (key_id: string): ApiKey => ({
  key_id,
  name: `name of ${key_id}`,
  permissions: ['events:read'],
  created_at: '2026-01-05T09:00:00Z',
  expires_at: null,
})

/** A server whose keys are these; `refusals` are thrown by whatever is asked next. */
function stand(...ids: string[]) {
  let keys = ids.map(key)
  const refusals: Error[] = []
  const refuse = () => {
    const refusal = refusals.shift()
    if (refusal) throw refusal
  }
  const store = new KeysStore({
    frame: (run) => run(),
    switchboard: {
      apiKeys: {
        async create() {
          refuse()
          keys = [...keys, key('made')]
          return { ...key('made'), api_key: 'sb_made_secret' }
        },
        async *list() {
          refuse()
          yield* keys
        },
        async rotate(id) {
          refuse()
          return { ...key(id), api_key: `sb_${id}_other` }
        },
        async revoke(id) {
          refuse()
          keys = keys.filter(({ key_id }) => key_id !== id)
        },
      },
    },
  })
  return { store, refusals }
}

test('a secret is there until it is put away', async () => {
  const { store } = stand('a')
  await store.load()
  expect(await store.create({ name: 'x', permissions: ['events:read'] })).toBe(true)
  expect(store.get()).toMatchObject({ made: { secret: 'sb_made_secret' }, keys: [key('a'), key('made')], busy: false })
  store.putAway()
  expect(JSON.stringify(store.get())).not.toContain('secret"')
  await store.rotate('a')
  expect(store.get()).toMatchObject({ made: { name: 'name of a', secret: 'sb_a_other' } })
})

test('a revoked key leaves the list', async () => {
  const { store } = stand('a', 'b')
  await store.load()
  await store.revoke('a')
  expect(store.get()).toMatchObject({ keys: [key('b')], made: undefined })
})

test('a change that is refused says why, and leaves the list', async () => {
  const { store, refusals } = stand('a')
  await store.load()
  refusals.push(new SwitchboardError('forbidden', 'The credential cannot grant what it lacks itself: pii:read.'))
  expect(await store.create({ name: 'x', permissions: ['pii:read'] })).toBe(false)
  expect(store.get()).toMatchObject({ keys: [key('a')], wrong: expect.stringContaining('pii:read'), busy: false })
})

test('a secret is shown even when the list cannot be read after it was made', async () => {
  const { store, refusals } = stand()
  await store.load()
  const rotated = store.create({ name: 'x', permissions: ['events:read'] })
  refusals.push(new Error('no network'))
  expect(await rotated).toBe(true)
  expect(store.get()).toMatchObject({
    made: { secret: 'sb_made_secret' },
    wrong: 'It is done, but the list could not be read again: no network',
  })
})

test.each([
  [new SwitchboardError('forbidden', 'The credential lacks the permission keys:manage.'), 'denied'],
  [new Error('no network'), 'failed'],
])('without an answer there is no list: %s', async (error, kind) => {
  const { store, refusals } = stand('a')
  refusals.push(error)
  await store.load()
  expect(store.get().kind).toBe(kind)
  await store.load()
  expect(store.get().kind).toBe('ready')
})
