import { limits, permissionNames } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { expectAlike, interleaved } from '../../testing/timing.js'
import { createAccess } from './access.js'
import { ADMIN_KEY, expectFailure, failureOf, HOME, openBench } from './access.test-kit.js'
import { MemoryStore } from './memory-store.test-kit.js'
import type { Principal } from './principal.js'
import { digest } from './secret-text.js'

const NOWHERE = '0190aaaa-0000-7000-8000-000000000000'

describe('the gate', () => {
  test('lets the admin key do everything in every workspace', async () => {
    const { access, admin, workspace } = await openBench()
    expect(admin).toMatchObject({ kind: 'admin', workspace: undefined, keyId: 'admin', expiresAt: undefined })
    for (const permission of permissionNames) access.authorize(admin, workspace, permission, 'CA1')
  })

  test('lets a key do what it was granted, in its workspace', async () => {
    const { access, workspace, key } = await openBench()
    const { principal } = await key(['events:read', 'calls:observe'])
    access.authorize(principal, workspace, 'events:read')
    access.authorize(principal, workspace, 'calls:observe', 'CA1')
    const failure = await expectFailure('forbidden', () => access.authorize(principal, workspace, 'events:write'))
    expect(failure.detail).toContain('events:write')
  })

  test('refuses another workspace and one that does not exist in the same words', async () => {
    const { access, key } = await openBench()
    const { principal } = await key(['events:read'])
    const other = await access.workspaces.create({ name: 'Other', slug: 'other' })
    const refusals = []
    for (const workspace of [other.id, NOWHERE, '', '__proto__']) {
      for (const permission of ['events:read', 'events:write'] as const) {
        refusals.push(await failureOf(() => access.authorize(principal, workspace, permission)))
      }
    }
    expect(new Set(refusals.map(({ message }) => message)).size).toBe(1)
    expect(refusals[0]?.code).toBe('forbidden')
  })

  test('keeps a token that is limited to calls to those calls', async () => {
    const { access, workspace, key } = await openBench()
    const { principal } = await key()
    const issue = async (callSids: string[]): Promise<Principal> => {
      const permissions = ['calls:observe', 'events:read'] as const
      const { access_token } = await access.accessTokens.issue(principal, workspace, { permissions, callSids })
      return access.authenticate(access_token, HOME)
    }
    const token = await issue(['CA1'])
    access.authorize(token, workspace, 'calls:observe', 'CA1')
    access.authorize(token, workspace, 'events:read')
    await expectFailure('forbidden', () => access.authorize(token, workspace, 'calls:observe', 'CA2'))
    await expectFailure('forbidden', () => access.authorize(token, workspace, 'events:read', 'CA2'))
    await expectFailure('forbidden', () => access.authorize(token, workspace, 'calls:observe'))
    await expectFailure('forbidden', () => access.authorize(token, workspace, 'calls:publish', 'CA1'))
  })

  test('takes as long for an unknown key id as for a wrong secret', async () => {
    const { access, key } = await openBench()
    const { text, keyId } = await key()
    const wrong = `${text.slice(0, -4)}0000`
    const unknown = wrong.replace(keyId, 'Z'.repeat(keyId.length))
    // The same but for the first character of its secret: a comparison that stops early would tell.
    const early = text.replace(/_[^_]*$/, (secret) => `_${secret[1] === '0' ? '1' : '0'}${secret.slice(2)}`)
    const guess = (credential: string) => () => access.authenticate(credential, HOME).catch(() => undefined)
    expectAlike(await interleaved({ wrong: guess(wrong), early: guess(early), unknown: guess(unknown) }, 3000))
  })
})

test('an admin key that takes the place of another ends it, and the tokens it asked for', async () => {
  const { store, clock, workspace } = await openBench()
  let current = digest(ADMIN_KEY)
  const access = await createAccess({
    store,
    clock,
    adminKeyDigest: () => current,
    sealingKey: Buffer.alloc(32, 7),
    warn: () => {},
  })
  const admin = await access.authenticate(ADMIN_KEY, HOME)
  const { access_token } = await access.accessTokens.issue(admin, workspace, { permissions: ['events:read'] })
  await access.authenticate(access_token, HOME)
  current = digest('another-admin-key')
  await expectFailure('unauthenticated', () => access.authenticate(ADMIN_KEY, HOME))
  await expectFailure('credential_revoked', () => access.authenticate(access_token, HOME))
  expect(await access.authenticate('another-admin-key', HOME)).toMatchObject({ kind: 'admin' })
})

describe('failed credentials', () => {
  test('are throttled per address, with the time to wait, while valid ones pass', async () => {
    const { access, clock, key } = await openBench()
    const { text } = await key()
    for (let failed = 0; failed < limits.failedCredentialsPerMinute; failed += 1) {
      await expectFailure('unauthenticated', () => access.authenticate('wrong', HOME))
    }
    clock.forward(20_000)
    const refusal = await expectFailure('rate_limited', () => access.authenticate('wrong', HOME))
    expect(refusal.retryAfterSeconds).toBe(40)
    await access.authenticate(text, HOME)
    await access.authenticate(ADMIN_KEY, HOME)
    await expectFailure('unauthenticated', () => access.authenticate('wrong', '198.51.100.8'))
    clock.forward(40_000)
    await expectFailure('unauthenticated', () => access.authenticate('wrong', HOME))
  })

  test('do not count when there was no credential at all', async () => {
    const { access } = await openBench()
    for (let asked = 0; asked <= limits.failedCredentialsPerMinute; asked += 1) {
      await expectFailure('unauthenticated', () => access.authenticate(undefined, HOME))
    }
    await expectFailure('unauthenticated', () => access.authenticate('wrong', HOME))
  })
})

describe('several processes of one deployment', () => {
  test('a key that is made, rotated and revoked at one is known, changed and gone at the other', async () => {
    const here = await openBench()
    const there = await openBench({ disk: here.store.disk, clock: here.clock })
    const { text, keyId } = await here.key()
    await there.access.authenticate(text, HOME)

    const ended: string[] = []
    const forget = there.access.onRevoked((id) => ended.push(id))
    const rotated = await here.access.apiKeys.rotate(here.admin, here.workspace, keyId)
    expect(ended).toEqual([keyId])
    await expectFailure('credential_revoked', () => there.access.authenticate(text, HOME))
    await there.access.authenticate(rotated.api_key, HOME)

    await here.store.delete('api-key', keyId)
    expect(ended).toEqual([keyId, keyId])
    await expectFailure('unauthenticated', () => there.access.authenticate(rotated.api_key, HOME))
    forget()
  })

  test('a change that arrives while a process starts is not lost', async () => {
    const here = await openBench()
    const { text, keyId } = await here.key()
    const slow = new MemoryStore(here.store.disk)
    const { all } = slow
    slow.all = async (kind) => {
      const records = await all.call(slow, kind)
      if (kind === 'api-key') await here.access.apiKeys.revoke(here.admin, here.workspace, keyId)
      return records
    }
    const there = await createAccess({
      store: slow,
      clock: here.clock,
      adminKeyDigest: digest(ADMIN_KEY),
      sealingKey: Buffer.alloc(32, 7),
      warn: () => {},
    })
    await expectFailure('credential_revoked', () => there.authenticate(text, HOME))
  })

  test('what there is can be counted', async () => {
    const { access, admin, workspace, key } = await openBench()
    await key()
    await access.secrets.put(admin, workspace, 'twilio', 'value')
    expect(access.counts()).toEqual({ workspaces: 1, api_keys: 1, secrets: 1 })
  })

  test('a stored record that makes no sense is named and ignored', async () => {
    const { store } = await openBench()
    await store.put('api-key', 'odd', { workspace: 7 })
    await store.put('workspace', 'odd', {})
    const { warnings, access } = await openBench({ disk: store.disk })
    expect(warnings).toHaveLength(2)
    expect(await access.workspaces.list()).toHaveLength(1)
  })
})

describe('workspaces', () => {
  test('are created, found by id and slug, and listed in the order of their creation', async () => {
    const { access, clock } = await openBench()
    clock.forward(1)
    const made = await access.workspaces.create({ name: 'Second', slug: 'second', extraFields: 'pass' })
    expect(made).toMatchObject({ name: 'Second', slug: 'second', extra_fields: 'pass' })
    expect(access.workspaces.get(made.id)).toEqual(made)
    expect(access.workspaces.bySlug('second')).toEqual(made)
    expect(await access.workspaces.find(made.id)).toEqual(made)
    expect(await access.workspaces.find(NOWHERE)).toBeUndefined()
    expect((await access.workspaces.list()).map(({ slug }) => slug)).toEqual(['acme', 'second'])
  })

  test('share no slug, even when both are asked for at once', async () => {
    const { access } = await openBench()
    await expectFailure('conflict', () => access.workspaces.create({ name: 'Again', slug: 'acme' }))
    const both = await Promise.allSettled(
      ['One', 'Two'].map((name) => access.workspaces.create({ name, slug: 'taken' })),
    )
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('have names and slugs that people and paths can hold', async () => {
    const { access } = await openBench()
    for (const slug of ['', 'A', 'a b', '-a', 'a-', 'é', 'a'.repeat(limits.slugCharsMax + 1), '../x', 'a\n']) {
      await expectFailure('invalid_request', () => access.workspaces.create({ name: 'x', slug }))
    }
    await access.workspaces.create({ name: 'x', slug: 'a'.repeat(limits.slugCharsMax) })
    const failure = await expectFailure('invalid_request', () =>
      access.workspaces.create({ name: '', slug: '', extraFields: 'maybe' as 'pass' }),
    )
    expect(failure.errors?.map(({ path }) => path)).toEqual(['/name', '/slug', '/extra_fields'])
  })
})
