import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { digest } from '../access/secret-text.js'
import { ConfigError } from './config.js'
import { ADMIN_KEY_FILE, ensureAdminKey, ensureSealingKey, SEALING_KEY_FILE } from './keys.js'
import { ADMIN_KEY_CHARS_MIN } from './settings.js'

const NOT_SET = { adminKey: undefined }

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'keys-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  return join(dir, 'data')
}

test('the first start makes an admin key and tells it once; later ones know it by its digest', async () => {
  const dir = await folder()
  const first = await ensureAdminKey(NOT_SET, dir)
  expect(first.source).toBe('generated')
  const key = first.generated ?? ''
  expect(key.length).toBeGreaterThanOrEqual(ADMIN_KEY_CHARS_MIN)
  expect(digest(key)).toEqual(first.digest)

  const second = await ensureAdminKey(NOT_SET, dir)
  expect(second).toEqual({ digest: first.digest, generated: undefined, source: 'file' })
  expect(await readFile(join(dir, ADMIN_KEY_FILE), 'utf8')).not.toContain(key)
})

test('an admin key that is set wins, and writes nothing', async () => {
  const dir = await folder()
  await ensureAdminKey(NOT_SET, dir)
  const adminKey = 'k'.repeat(ADMIN_KEY_CHARS_MIN)
  expect(await ensureAdminKey({ adminKey }, dir)).toEqual({
    digest: digest(adminKey),
    generated: undefined,
    source: 'environment',
  })
  const elsewhere = await folder()
  await ensureAdminKey({ adminKey }, elsewhere)
  await expect(stat(elsewhere)).rejects.toThrow('ENOENT')
})

test('processes that start together agree, and one of them tells the key', async () => {
  const dir = await folder()
  const keys = await Promise.all(Array.from({ length: 8 }, () => ensureAdminKey(NOT_SET, dir)))
  expect(new Set(keys.map(({ digest }) => digest.toString('hex'))).size).toBe(1)
  expect(keys.filter(({ generated }) => generated !== undefined)).toHaveLength(1)
  const seals = await Promise.all(Array.from({ length: 8 }, () => ensureSealingKey(dir)))
  expect(new Set(seals.map((seal) => seal.toString('hex'))).size).toBe(1)
  expect((await readdir(dir)).sort()).toEqual([ADMIN_KEY_FILE, SEALING_KEY_FILE])
})

test.skipIf(process.platform === 'win32')(
  'the files are their owner’s alone, and are closed again when they were opened',
  async () => {
    const dir = await folder()
    await ensureAdminKey(NOT_SET, dir)
    await ensureSealingKey(dir)
    expect((await stat(dir)).mode & 0o777).toBe(0o700)
    for (const name of [ADMIN_KEY_FILE, SEALING_KEY_FILE])
      expect((await stat(join(dir, name))).mode & 0o777).toBe(0o600)
    await chmod(join(dir, SEALING_KEY_FILE), 0o664)
    await ensureSealingKey(dir)
    expect((await stat(join(dir, SEALING_KEY_FILE))).mode & 0o777).toBe(0o600)
  },
)

test('a file that is no key stops the start in one line, rather than be written over', async () => {
  const dir = await folder()
  await ensureAdminKey(NOT_SET, dir)
  for (const [name, ensure] of [
    [ADMIN_KEY_FILE, () => ensureAdminKey(NOT_SET, dir)],
    [SEALING_KEY_FILE, () => ensureSealingKey(dir)],
  ] as const) {
    await writeFile(join(dir, name), 'garbage')
    const error = await ensure().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as ConfigError).message).toMatch(new RegExp(`${name}.*accepted: [^\n]+$`))
    expect(await readFile(join(dir, name), 'utf8')).toBe('garbage')
  }
})

test('a folder that cannot be used stops the start in one line', async () => {
  const dir = await folder()
  await ensureSealingKey(dir)
  const inside = join(dir, SEALING_KEY_FILE, 'below-a-file')
  await expect(ensureSealingKey(inside)).rejects.toThrow(ConfigError)
})
