import { limits, type Permission, permissionNames } from '@switchboard/contract'
import { decodeJwt, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { ADMIN_KEY, expectFailure, HOME, openBench } from './access.test-kit.js'
import { createAccessTokens } from './access-tokens.js'
import { createSeal } from './sealing.js'
import { digest } from './secret-text.js'
import { SIGNING_PLACE, SIGNING_SECRET } from './signing-secret.js'

const TOKEN = /^[A-Za-z0-9_.-]+$/

describe('an access token', () => {
  test('speaks for the key that asked, within the permissions, calls and time asked for', async () => {
    const { access, workspace, clock, key } = await openBench()
    const { principal, keyId } = await key()
    const answer = await access.accessTokens.issue(principal, workspace, {
      permissions: ['calls:observe'],
      callSids: ['CA1', 'CA2', 'CA1'],
      ttlSeconds: 60,
    })
    expect(answer).toMatchObject({ permissions: ['calls:observe'], call_sids: ['CA1', 'CA2'] })
    expect(answer.expires_at).toBe('2026-03-01T00:01:00.000Z')
    expect(answer.access_token).toMatch(TOKEN)
    const token = await access.authenticate(answer.access_token, HOME)
    expect(token).toMatchObject({ kind: 'access-token', workspace, keyId, expiresAt: clock.now() + 60_000 })
    expect([...(token.callSids ?? [])]).toEqual(['CA1', 'CA2'])

    clock.forward(59_999)
    await access.authenticate(answer.access_token, HOME)
    clock.forward(1)
    await expectFailure('credential_expired', () => access.authenticate(answer.access_token, HOME))
  })

  test('lives a quarter of an hour when nothing is said, and an hour at most', async () => {
    const { access, workspace, clock, key } = await openBench()
    const { principal } = await key()
    const { expires_at } = await access.accessTokens.issue(principal, workspace, { permissions: ['events:read'] })
    expect(Date.parse(expires_at) - clock.now()).toBe(limits.tokenSecondsDefault * 1000)
    for (const ttlSeconds of [0, -1, 1.5, limits.tokenSecondsMax + 1, Number.NaN]) {
      const asked = { permissions: ['events:read'] as const, ttlSeconds }
      await expectFailure('invalid_request', () => access.accessTokens.issue(principal, workspace, asked))
    }
  })

  test('never outlives its key', async () => {
    const { access, workspace, clock, key } = await openBench()
    const { principal } = await key(permissionNames, 1)
    clock.forward(24 * 60 * 60 * 1000 - 10_500)
    const asked = { permissions: ['events:read'] as const, ttlSeconds: 3600 }
    const { expires_at } = await access.accessTokens.issue(principal, workspace, asked)
    expect(Date.parse(expires_at)).toBeLessThanOrEqual(clock.now() + 10_500)
    clock.forward(10_500)
    await expectFailure('credential_expired', () => access.accessTokens.issue(principal, workspace, asked))
  })

  test('is never wider than its key, and cannot ask for another', async () => {
    const { access, workspace, key } = await openBench()
    const { principal } = await key(['events:read'])
    const wide = { permissions: ['events:read', 'pii:read'] as const }
    const failure = await expectFailure('forbidden', () => access.accessTokens.issue(principal, workspace, wide))
    expect(failure.detail).toContain('pii:read')
    const { access_token } = await access.accessTokens.issue(principal, workspace, { permissions: ['events:read'] })
    const token = await access.authenticate(access_token, HOME)
    const again = { permissions: ['events:read'] as const }
    await expectFailure('forbidden', () => access.accessTokens.issue(token, workspace, again))
    const other = await access.workspaces.create({ name: 'Other', slug: 'other' })
    await expectFailure('forbidden', () => access.accessTokens.issue(principal, other.id, again))
  })

  test.each(['revoke', 'rotate'] as const)('dies with its key, however often it was good before: %s', async (end) => {
    const { access, admin, workspace, key } = await openBench()
    const { principal, keyId } = await key()
    const { access_token } = await access.accessTokens.issue(principal, workspace, { permissions: ['events:read'] })
    for (let times = 0; times < 3; times++) await access.authenticate(access_token, HOME)
    await access.apiKeys[end](admin, workspace, keyId)
    await expectFailure('credential_revoked', () => access.authenticate(access_token, HOME))
  })

  test('may be asked for with the admin key, and is then of one workspace only', async () => {
    const { access, admin, workspace } = await openBench()
    const { access_token } = await access.accessTokens.issue(admin, workspace, { permissions: ['events:read'] })
    const token = await access.authenticate(access_token, HOME)
    expect(token).toMatchObject({ kind: 'access-token', workspace, keyId: 'admin' })
    const other = await access.workspaces.create({ name: 'Other', slug: 'other' })
    await expectFailure('forbidden', () => access.authorize(token, other.id, 'events:read'))
  })

  test('fits a WebSocket handshake, or is refused with the reason', async () => {
    const { access, admin, workspace } = await openBench()
    const sids = (count: number) => Array.from({ length: count }, (_, index) => `CA${String(index).padStart(32, '0')}`)
    const ask = (count: number) =>
      access.accessTokens.issue(admin, workspace, { permissions: ['calls:observe'], callSids: sids(count) })
    expect((await ask(60)).access_token.length).toBeLessThanOrEqual(limits.tokenCharsMax)
    const failure = await expectFailure('invalid_request', () => ask(limits.filterValuesMax))
    expect(failure.errors?.[0]?.path).toBe('/call_sids')
    await expectFailure('invalid_request', () => ask(limits.filterValuesMax + 1))
    await expectFailure('invalid_request', () => ask(0))
    for (const sid of ['', 'a b', 'x'.repeat(limits.idCharsMax + 1), '../..']) {
      const asked = { permissions: ['calls:observe'] as const, callSids: [sid] }
      await expectFailure('invalid_request', () => access.accessTokens.issue(admin, workspace, asked))
    }
  })

  test('signed by anybody else, or with another algorithm, is worth nothing', async () => {
    const { access, admin, workspace } = await openBench()
    const { access_token: good } = await access.accessTokens.issue(admin, workspace, { permissions: ['events:read'] })
    const claims = decodeJwt(good)
    const [head, body, signature] = good.split('.')
    const widened = Buffer.from(JSON.stringify({ ...claims, permissions: permissionNames })).toString('base64url')
    const forged = [
      new UnsecuredJWT(claims).encode(),
      await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' }).sign(new Uint8Array(32)),
      await new SignJWT(claims).setProtectedHeader({ alg: 'HS512', typ: 'at+jwt' }).sign(new Uint8Array(64)),
      `${head}.${widened}.${signature}`,
      `${head}.${body}.`,
    ]
    for (const token of forged) await expectFailure('unauthenticated', () => access.authenticate(token, HOME))
  })

  test('with any bit changed is worth nothing, nor is it in another spelling', async () => {
    const { clock } = await openBench()
    const secret = new Uint8Array(32).fill(7)
    const keyState = () => ({ version: '1', revoked: false, expiresAt: undefined })
    // Not through `access`: whoever fails so often is no longer listened to.
    const tokens = createAccessTokens({ clock, secret: () => secret, keyState })
    const { access_token: good } = await tokens.issue(
      {
        kind: 'api-key',
        workspace: 'w',
        keyId: 'k',
        permissions: new Set(permissionNames),
        callSids: undefined,
        expiresAt: undefined,
      },
      'w',
      { permissions: ['events:read'], callSids: ['CA1'] },
    )
    const authenticate = (text: string) => tokens.authenticate(text, digest(text))
    expect(await authenticate(good)).toMatchObject({ workspace: 'w', keyId: 'k' })
    const bytes = Buffer.from(good, 'latin1')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      await expectFailure('unauthenticated', () => authenticate(changed.toString('latin1')))
    }
    for (const other of [`${good}=`, `${good} `, `${good}\0`, `${good.slice(0, -1)} ${good.slice(-1)}`, `${good}.`]) {
      await expectFailure('unauthenticated', () => authenticate(other))
    }
  })

  test('signed with the right secret for another audience, issuer, kind or time is worth nothing either', async () => {
    const { access, admin, workspace, store, clock } = await openBench()
    const { access_token: good } = await access.accessTokens.issue(admin, workspace, { permissions: ['events:read'] })
    const [record] = await store.all(SIGNING_SECRET.kind)
    const secret = createSeal(Buffer.alloc(32, 7)).open(SIGNING_PLACE, String(record?.value.sealed)) ?? ''
    const sign = (claims: JWTPayload, typ = 'at+jwt') =>
      new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ }).sign(Buffer.from(secret, 'base64'))
    const claims = decodeJwt(good)
    // What is refused below is refused for what was changed: unchanged it is accepted.
    await access.authenticate(await sign(claims), HOME)
    const { aud: _aud, ...anybody } = claims
    const { exp: _exp, ...forever } = claims
    const wrong = [
      await sign({ ...claims, aud: 'another-service' }),
      await sign(anybody),
      await sign({ ...claims, iss: 'another-issuer' }),
      await sign(claims, 'JWT'),
      await sign(forever),
      await sign({ ...claims, nbf: Math.floor(clock.now() / 1000) + 600 }),
      await sign({ ...claims, permissions: ['everything'] }),
      await sign({ ...claims, ws: 7 }),
    ]
    for (const token of wrong) await expectFailure('unauthenticated', () => access.authenticate(token, HOME))
  })

  test('holds across a restart, and in every process of the deployment', async () => {
    const first = await openBench()
    const { access_token } = await first.access.accessTokens.issue(first.admin, first.workspace, {
      permissions: ['events:read'],
    })
    const second = await openBench({ disk: first.store.disk, clock: first.clock })
    expect((await second.access.authenticate(access_token, HOME)).workspace).toBe(first.workspace)
  })

  test('of a deployment whose sealing key was lost ends, and new ones work', async () => {
    const first = await openBench()
    const asked: { permissions: Permission[] } = { permissions: ['events:read'] }
    const { access_token } = await first.access.accessTokens.issue(first.admin, first.workspace, asked)
    const second = await openBench({ disk: first.store.disk, clock: first.clock, sealingKey: Buffer.alloc(32, 8) })
    expect(second.warnings.join('\n')).toContain('sealing key')
    expect(second.warnings.join('\n')).not.toContain(ADMIN_KEY)
    await expectFailure('unauthenticated', () => second.access.authenticate(access_token, HOME))
    const { access_token: fresh } = await second.access.accessTokens.issue(second.admin, second.workspace, asked)
    await second.access.authenticate(fresh, HOME)
  })

  test('is signed with a secret that the disk holds only sealed', async () => {
    const { store } = await openBench()
    expect(store.disk.kinds.get('signing-secret')?.get('access-tokens')).toMatch(/^\{"sealed":"[A-Za-z0-9+/=]{80,}"\}$/)
  })
})
