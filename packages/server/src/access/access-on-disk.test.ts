import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLmdbEngine } from '../log/lmdb.js'
import { createAccess } from './access.js'
import { ADMIN_KEY, expectFailure, HandClock, HOME } from './access.test-kit.js'
import { digest } from './secret-text.js'

async function start(dir: string, clock: HandClock) {
  const engine = await openLmdbEngine({ dir, clock, projections: [] })
  const access = await createAccess({
    store: engine.store,
    clock,
    adminKeyDigest: digest(ADMIN_KEY),
    sealingKey: Buffer.alloc(32, 7),
    warn: (line) => expect.fail(line),
  })
  const admin = await access.authenticate(ADMIN_KEY, HOME)
  const stop = async () => {
    access.close()
    await engine.close()
  }
  return { access, admin, stop }
}

test('everything of access outlives a restart, and the disk holds no secret in clear text', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'access-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const clock = new HandClock()

  const first = await start(dir, clock)
  const { id } = await first.access.workspaces.create({ name: 'Acme', slug: 'acme' })
  const make = () => first.access.apiKeys.create(first.admin, id, { name: 'a key', permissions: ['events:read'] })
  const [kept, rotated, revoked] = [await make(), await make(), await make()]
  const replaced = await first.access.apiKeys.rotate(first.admin, id, rotated.key_id)
  await first.access.apiKeys.revoke(first.admin, id, revoked.key_id)
  const { access_token: token } = await first.access.accessTokens.issue(
    await first.access.authenticate(kept.api_key, HOME),
    id,
    { permissions: ['events:read'] },
  )
  await first.access.secrets.put(first.admin, id, 'twilio', 'canary-auth-token')
  await first.stop()

  const { access, admin, stop } = await start(dir, clock)
  expect(access.workspaces.bySlug('acme')?.id).toBe(id)
  expect(await access.apiKeys.list(admin, id)).toHaveLength(2)
  for (const credential of [kept.api_key, replaced.api_key, token]) await access.authenticate(credential, HOME)
  for (const { api_key } of [rotated, revoked]) {
    await expectFailure('credential_revoked', () => access.authenticate(api_key, HOME))
  }
  expect(access.secrets.get(id, 'twilio')?.value).toBe('canary-auth-token')
  await stop()

  const secrets = ['canary-auth-token', ...[kept, rotated, replaced, revoked].map(({ api_key }) => api_key.slice(-43))]
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const bytes = await readFile(join(entry.parentPath, entry.name))
    for (const secret of secrets) expect(bytes.includes(secret), entry.name).toBe(false)
  }
})
