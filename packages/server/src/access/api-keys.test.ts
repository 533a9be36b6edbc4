import { limits, type Permission } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { ADMIN_KEY, expectFailure, failureOf, HOME, openBench } from './access.test-kit.js'

const DAY_MS = 24 * 60 * 60 * 1000
/** RFC 6455 subprotocols are RFC 9110 tokens. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

describe('an API key', () => {
  test('is shown once, fits a subprotocol token, and lets its holder in', async () => {
    const { access, admin, workspace } = await openBench()
    const made = await access.apiKeys.create(admin, workspace, {
      name: 'ci',
      permissions: ['events:read'],
      durationDays: 2,
    })
    expect(made.api_key).toMatch(/^sb_[A-Za-z0-9]+_[A-Za-z0-9]{43}$/)
    expect(made.api_key).toMatch(TOKEN)
    expect(made).toMatchObject({ name: 'ci', permissions: ['events:read'], created_at: '2026-03-01T00:00:00.000Z' })
    expect(made.expires_at).toBe('2026-03-03T00:00:00.000Z')

    const principal = await access.authenticate(made.api_key, HOME)
    expect(principal).toMatchObject({ kind: 'api-key', workspace, keyId: made.key_id, callSids: undefined })
    expect([...principal.permissions]).toEqual(['events:read'])
  })

  test('is kept as a hash only, and no list shows more', async () => {
    const { access, admin, workspace, store, key } = await openBench()
    const { text, keyId } = await key()
    const secret = text.split('_')[2] as string
    expect(store.disk.text()).toContain(keyId)
    expect(store.disk.text()).not.toContain(secret)
    const [listed] = await access.apiKeys.list(admin, workspace)
    expect(Object.keys(listed ?? {}).sort()).toEqual(['created_at', 'expires_at', 'key_id', 'name', 'permissions'])
  })

  test('stops at the end of its days, and says so to whoever holds it', async () => {
    const { access, clock, key } = await openBench()
    const { text } = await key(['events:read'], 1)
    clock.forward(DAY_MS - 1)
    await access.authenticate(text, HOME)
    clock.forward(1)
    await expectFailure('credential_expired', () => access.authenticate(text, HOME))
  })

  test('ends at once when it is revoked, and is listed no more', async () => {
    const { access, admin, workspace, key } = await openBench()
    const { text, keyId } = await key()
    const ended: string[] = []
    access.onRevoked((id) => ended.push(id))
    await access.apiKeys.revoke(admin, workspace, keyId)
    expect(ended).toContain(keyId)
    await expectFailure('credential_revoked', () => access.authenticate(text, HOME))
    expect(await access.apiKeys.list(admin, workspace)).toEqual([])
    await expectFailure('not_found', () => access.apiKeys.revoke(admin, workspace, keyId))
    await expectFailure('not_found', () => access.apiKeys.rotate(admin, workspace, keyId))
  })

  test('gets another secret by rotation, which ends the one before at once and keeps the rest', async () => {
    const { access, admin, workspace, key } = await openBench()
    const { text, keyId } = await key(['events:read'], 5)
    const ended: string[] = []
    access.onRevoked((id) => ended.push(id))
    const rotated = await access.apiKeys.rotate(admin, workspace, keyId)
    expect(rotated).toMatchObject({
      key_id: keyId,
      permissions: ['events:read'],
      expires_at: '2026-03-06T00:00:00.000Z',
    })
    expect(ended).toEqual([keyId])
    await expectFailure('credential_revoked', () => access.authenticate(text, HOME))
    expect((await access.authenticate(rotated.api_key, HOME)).keyId).toBe(keyId)
  })

  test('that has expired cannot be rotated back to life', async () => {
    const { access, admin, workspace, clock, key } = await openBench()
    const { keyId } = await key(['events:read'], 1)
    clock.forward(DAY_MS)
    await expectFailure('not_found', () => access.apiKeys.rotate(admin, workspace, keyId))
  })

  test('rotated twice at the same time leaves one secret that works, and no secret that nobody was told of', async () => {
    const { access, admin, workspace, key } = await openBench()
    const { keyId } = await key()
    const rotated = await Promise.all([1, 2].map(() => access.apiKeys.rotate(admin, workspace, keyId)))
    const outcomes = await Promise.all(
      rotated.map(({ api_key }) =>
        access.authenticate(api_key, HOME).then(
          () => 'in',
          ({ code }) => code,
        ),
      ),
    )
    expect(outcomes.sort()).toEqual(['credential_revoked', 'in'])
  })

  test('that was revoked is forgotten after a month', async () => {
    const { access, admin, workspace, clock, store, key } = await openBench()
    const { text, keyId } = await key()
    await access.apiKeys.revoke(admin, workspace, keyId)
    clock.forward(30 * DAY_MS + 1)
    await key()
    expect(store.disk.text()).not.toContain(keyId)
    await expectFailure('unauthenticated', () => access.authenticate(text, HOME))
  })

  test('stays in force when revoking it could not be made durable', async () => {
    const { access, admin, workspace, store, key } = await openBench()
    const { text, keyId } = await key()
    store.failure = new Error('disk gone')
    await expect(access.apiKeys.revoke(admin, workspace, keyId)).rejects.toThrow('disk gone')
    await access.authenticate(text, HOME)
  })
})

describe('what is not a valid key', () => {
  test('is answered the same, whatever is wrong with it', async () => {
    const { access, key } = await openBench()
    const { text, keyId } = await key()
    const letter = text.endsWith('A') ? 'B' : 'A'
    const wrong = [
      `${text.slice(0, -1)}${letter}`,
      text.replace(keyId, `${keyId}x`),
      `sb_${keyId}_`,
      'sb_',
      'sb_nobody_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      'eyJhbGciOiJub25lIn0.e30.',
      'x'.repeat(limits.tokenCharsMax + 1),
      ADMIN_KEY.slice(0, -1),
      '__proto__',
      'sb___proto___x',
    ]
    const failures = await Promise.all(
      wrong.map((text, index) => failureOf(() => access.authenticate(text, `a${index}`))),
    )
    expect(new Set(failures.map(({ code, detail }) => `${code} ${detail}`))).toEqual(
      new Set(['unauthenticated The credential is not valid.']),
    )
    await expectFailure('unauthenticated', () => access.authenticate(undefined, HOME))
  })

  test('a revoked key with another secret is not told that it was revoked', async () => {
    const { access, admin, workspace, key } = await openBench()
    const { text, keyId } = await key()
    await access.apiKeys.revoke(admin, workspace, keyId)
    await expectFailure('unauthenticated', () => access.authenticate(`${text}x`, HOME))
  })
})

describe('managing keys', () => {
  const narrow: readonly Permission[] = ['keys:manage', 'events:read']

  test('a key cannot grant what it lacks, neither by creating nor by rotating', async () => {
    const { access, workspace, key } = await openBench()
    const { principal } = await key(narrow)
    const wide = await key()
    const failure = await expectFailure('forbidden', () =>
      access.apiKeys.create(principal, workspace, { name: 'wide', permissions: ['events:read', 'pii:read'] }),
    )
    expect(failure.detail).toContain('pii:read')
    await expectFailure('forbidden', () => access.apiKeys.rotate(principal, workspace, wide.keyId))
    await access.apiKeys.create(principal, workspace, { name: 'narrow', permissions: ['events:read'] })
    await access.apiKeys.revoke(principal, workspace, wide.keyId)
  })

  test('an access token cannot make itself a key that outlives it', async () => {
    const { access, workspace, key } = await openBench()
    const wide = await key()
    const { access_token } = await access.accessTokens.issue(wide.principal, workspace, {
      permissions: ['keys:manage'],
    })
    const token = await access.authenticate(access_token, HOME)
    expect(await access.apiKeys.list(token, workspace)).toHaveLength(1)
    const asked = { name: 'mine', permissions: ['keys:manage'] as const }
    await expectFailure('forbidden', () => access.apiKeys.create(token, workspace, asked))
    await expectFailure('forbidden', () => access.apiKeys.rotate(token, workspace, wide.keyId))
  })

  test('without keys:manage, or in another workspace, nothing is done', async () => {
    const { access, admin, workspace, key } = await openBench()
    const reader = await key(['events:read'])
    const manager = await key()
    const other = await access.workspaces.create({ name: 'Other', slug: 'other' })
    const asked = { name: 'x', permissions: ['events:read'] as const }
    await expectFailure('forbidden', () => access.apiKeys.create(reader.principal, workspace, asked))
    await expectFailure('forbidden', () => access.apiKeys.list(reader.principal, workspace))
    await expectFailure('forbidden', () => access.apiKeys.create(manager.principal, other.id, asked))
    // With its own workspace's id in the path, a key of another one is not there.
    await expectFailure('not_found', () => access.apiKeys.revoke(admin, other.id, manager.keyId))
    await expectFailure('not_found', () => access.apiKeys.rotate(admin, other.id, manager.keyId))
  })

  test('bad requests are told everything that is wrong with them', async () => {
    const { access, admin, workspace } = await openBench()
    const failure = await expectFailure('invalid_request', () =>
      access.apiKeys.create(admin, workspace, {
        name: ' ',
        permissions: ['events:reed' as Permission],
        durationDays: limits.keyDaysMax + 1,
      }),
    )
    expect(failure.errors?.map(({ path }) => path)).toEqual(['/name', '/permissions/0', '/duration_days'])
    expect(failure.detail).toContain('events:read')
    for (const name of ['', 'x'.repeat(limits.nameCharsMax + 1), 'a\u001b[2J', 'a\nb', '\u202eabc']) {
      const asked = { name, permissions: ['events:read'] as const }
      await expectFailure('invalid_request', () => access.apiKeys.create(admin, workspace, asked))
    }
    for (const permissions of [[], ['events:read', 'events:read']] as const) {
      await expectFailure('invalid_request', () => access.apiKeys.create(admin, workspace, { name: 'x', permissions }))
    }
  })

  test('a workspace has a maximum of keys, and room again after a revocation', async () => {
    const { access, admin, workspace, key } = await openBench()
    const { keyId } = await key(['events:read'])
    for (let made = 1; made < limits.keysPerWorkspaceMax; made += 1) await key(['events:read'])
    const failure = await failureOf(() => key(['events:read']))
    expect(failure).toMatchObject({ code: 'invalid_request' })
    await access.apiKeys.revoke(admin, workspace, keyId)
    await key(['events:read'])
  })
})
