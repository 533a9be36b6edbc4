import { limits, SwitchboardError } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { type Bench, expectFailure, failureOf, HOME, openBench } from './access.test-kit.js'
import type { Principal } from './principal.js'

/** Two processes of one deployment; the second hears of the first's changes when it asks. */
async function openTwo(): Promise<{ here: Bench; there: Bench }> {
  const here = await openBench()
  const there = await openBench({ disk: here.store.disk, clock: here.clock })
  there.store.isApart = true
  return { here, there }
}

const UNREACHABLE = new SwitchboardError('unavailable', 'nobody answers', { retryAfterSeconds: 2 })

describe('what another process has just made', () => {
  test('a key is let in at its first request', async () => {
    const { here, there } = await openTwo()
    const { text, keyId } = await here.key()
    expect(await there.access.authenticate(text, HOME)).toMatchObject({ kind: 'api-key', keyId })
    const asked = there.store.refreshes
    await there.access.authenticate(text, HOME)
    expect(there.store.refreshes).toBe(asked)
  })

  test('a rotated key is let in with its new secret', async () => {
    const { here, there } = await openTwo()
    const { keyId, text } = await here.key()
    await there.access.authenticate(text, HOME)
    const { api_key } = await here.access.apiKeys.rotate(here.admin, here.workspace, keyId)
    expect(await there.access.authenticate(api_key, HOME)).toMatchObject({ keyId })
    await expectFailure('credential_revoked', () => there.access.authenticate(text, HOME))
  })

  test('a token of a new key, and of a new secret of a known key, is let in', async () => {
    const { here, there } = await openTwo()
    const { keyId, principal } = await here.key()
    const issue = async (asker: Principal) =>
      (await here.access.accessTokens.issue(asker, here.workspace, { permissions: ['events:read'] })).access_token
    expect(await there.access.authenticate(await issue(principal), HOME)).toMatchObject({ kind: 'access-token', keyId })
    const { api_key } = await here.access.apiKeys.rotate(here.admin, here.workspace, keyId)
    const token = await issue(await here.access.authenticate(api_key, HOME))
    expect(await there.access.authenticate(token, HOME)).toMatchObject({ kind: 'access-token', keyId })
  })

  test('a token signed with a new signing secret is let in', async () => {
    const { here, there } = await openTwo()
    const { principal } = await here.key()
    await here.store.delete('signing-secret', 'access-tokens')
    // Another process starts, finds none and makes one.
    const third = await openBench({ disk: here.store.disk, clock: here.clock })
    const asked = { permissions: ['events:read'] as const }
    const { access_token } = await third.access.accessTokens.issue(principal, here.workspace, asked)
    expect(await there.access.authenticate(access_token, HOME)).toMatchObject({ kind: 'access-token' })
  })

  test('a workspace is found, and is in the list', async () => {
    const { here, there } = await openTwo()
    const made = await here.access.workspaces.create({ name: 'New', slug: 'new' })
    expect(there.access.workspaces.get(made.id)).toBeUndefined()
    expect(await there.access.workspaces.find(made.id)).toEqual(made)
    const another = await here.access.workspaces.create({ name: 'Newer', slug: 'newer' })
    expect(await there.access.workspaces.list()).toContainEqual(another)
  })

  test('keys are in the list, can be rotated and revoked, and count', async () => {
    const { here, there } = await openTwo()
    const ids = [await here.key(), await here.key()].map(({ keyId }) => keyId)
    const listed = await there.access.apiKeys.list(there.admin, here.workspace)
    expect(listed.map(({ key_id }) => key_id)).toEqual(expect.arrayContaining(ids))
    const [rotated, revoked] = [await here.key(), await here.key()]
    await there.access.apiKeys.rotate(there.admin, here.workspace, rotated.keyId)
    await there.access.apiKeys.revoke(there.admin, here.workspace, revoked.keyId)
    for (let made = 3; made < limits.keysPerWorkspaceMax; made += 1) await here.key()
    await expectFailure('invalid_request', () => there.key())
  })

  test('a secret can be described', async () => {
    const { here, there } = await openTwo()
    await here.access.secrets.put(here.admin, here.workspace, 'twilio', 'value', { service: 'x' })
    const info = await there.access.secrets.describe(there.admin, here.workspace, 'twilio')
    expect(info?.about).toEqual({ service: 'x' })
  })
})

describe('asking other processes', () => {
  const UNKNOWN = [`sb_${'k'.repeat(12)}_${'s'.repeat(43)}`, 'not.a.token']

  test('is done once for a credential that may be new, and not for what has another form, or has ended', async () => {
    const { here, there } = await openTwo()
    const { text, keyId } = await here.key()
    const expiring = await here.key(['events:read'], 1)
    await there.store.refresh()
    await here.access.apiKeys.revoke(here.admin, here.workspace, keyId)
    await there.store.refresh()
    here.clock.forward(25 * 3_600_000)
    const asked = async (credential: string) => {
      const before = there.store.refreshes
      const { code } = await failureOf(() => there.access.authenticate(credential, HOME))
      return [code, there.store.refreshes - before]
    }
    for (const credential of UNKNOWN) expect(await asked(credential)).toEqual(['unauthenticated', 1])
    for (const credential of ['wrong', 'sb_short', `sb_${'k'.repeat(12)}_`, 'a.b', 'x'.repeat(5000)]) {
      expect(await asked(credential)).toEqual(['unauthenticated', 0])
    }
    expect(await asked(text)).toEqual(['credential_revoked', 0])
    expect(await asked(expiring.text)).toEqual(['credential_expired', 0])
  })

  test('is not done for an address that has failed too often; it is told to wait, and not that it is wrong', async () => {
    const { here, there } = await openTwo()
    for (let failed = 0; failed < limits.failedCredentialsPerMinute; failed += 1) {
      await expectFailure('unauthenticated', () => there.access.authenticate(UNKNOWN[failed % 2], HOME))
    }
    const { text } = await here.key()
    const before = there.store.refreshes
    await expectFailure('rate_limited', () => there.access.authenticate(text, HOME))
    expect(there.store.refreshes).toBe(before)
    await there.access.authenticate(text, '198.51.100.8')
    await there.access.authenticate(text, HOME)
  })

  test('that gets no answer is no refusal: it is tried again later, and counts for no throttle', async () => {
    const { here, there } = await openTwo()
    const { text } = await here.key()
    there.store.unreachable = UNREACHABLE
    for (let failed = 0; failed <= limits.failedCredentialsPerMinute; failed += 1) {
      await expectFailure('unavailable', () => there.access.authenticate(text, HOME))
    }
    await expectFailure('unavailable', () => there.access.workspaces.list())
    await expectFailure('unavailable', () => there.access.apiKeys.list(there.admin, here.workspace))
    there.store.unreachable = undefined
    await there.access.authenticate(text, HOME)
  })
})

describe('two processes that change the same key at once', () => {
  test('a revocation is not undone by a rotation that began before it', async () => {
    const { here, there } = await openTwo()
    const { keyId, text } = await here.key()
    there.store.meanwhile = () => here.access.apiKeys.revoke(here.admin, here.workspace, keyId)
    await expectFailure('not_found', () => there.access.apiKeys.rotate(there.admin, here.workspace, keyId))
    for (const { access } of [here, there]) {
      await expectFailure('credential_revoked', () => access.authenticate(text, HOME))
    }
  })

  test('a rotation is not undone by a revocation that began before it: the new secret is revoked too', async () => {
    const { here, there } = await openTwo()
    const { keyId, text } = await here.key()
    let rotated = ''
    there.store.meanwhile = async () => {
      rotated = (await here.access.apiKeys.rotate(here.admin, here.workspace, keyId)).api_key
    }
    await there.access.apiKeys.revoke(there.admin, here.workspace, keyId)
    for (const { access } of [here, there]) {
      for (const credential of [text, rotated]) {
        await expectFailure('credential_revoked', () => access.authenticate(credential, HOME))
      }
    }
  })

  test('of two rotations the later one counts, and all know the earlier secret as replaced', async () => {
    const { here, there } = await openTwo()
    const { keyId, text } = await here.key()
    let earlier = ''
    there.store.meanwhile = async () => {
      earlier = (await here.access.apiKeys.rotate(here.admin, here.workspace, keyId)).api_key
    }
    const later = await there.access.apiKeys.rotate(there.admin, here.workspace, keyId)
    for (const { access } of [here, there]) {
      expect(await access.authenticate(later.api_key, HOME)).toMatchObject({ keyId })
      for (const replaced of [text, earlier]) {
        await expectFailure('credential_revoked', () => access.authenticate(replaced, HOME))
      }
    }
  })

  test('a slug goes to one of them', async () => {
    const { here, there } = await openTwo()
    const asked = { name: 'New', slug: 'new' }
    there.store.meanwhile = () => here.access.workspaces.create(asked)
    await expectFailure('conflict', () => there.access.workspaces.create(asked))
    expect(await there.access.workspaces.list()).toEqual(await here.access.workspaces.list())
  })
})
