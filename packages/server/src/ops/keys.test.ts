import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { MemoryDisk, MemoryStore } from '../access/memory-store.test-kit.js'
import { SEALING_KEY_BYTES } from '../access/sealing.js'
import { digest } from '../access/secret-text.js'
import { ConfigError } from './config.js'
import { folderPlace, type KeyPlace, storePlace } from './key-place.js'
import { ADMIN_KEY_NAME, ensureAdminKey, ensureSealingKey, forgetAdminKey, SEALING_KEY_NAME } from './keys.js'
import { ADMIN_KEY_CHARS_MIN } from './settings.js'

const NOT_SET = { adminKey: undefined, sealingKey: undefined }

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'keys-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  return join(dir, 'data')
}

/** The two places, each as processes of one deployment have it. */
const places: readonly (readonly [string, () => Promise<() => KeyPlace>])[] = [
  [
    'a folder',
    async () => {
      const dir = await folder()
      return () => folderPlace(dir)
    },
  ],
  [
    'the store',
    async () => {
      const disk = new MemoryDisk()
      return () => storePlace(new MemoryStore(disk))
    },
  ],
]

describe.each(places)('in %s', (_, open) => {
  test('the first start makes an admin key and tells it once; later ones know it by its digest', async () => {
    const place = await open()
    const first = await ensureAdminKey(NOT_SET, place())
    expect(first.source).toBe('generated')
    const key = first.generated ?? ''
    expect(key.length).toBeGreaterThanOrEqual(ADMIN_KEY_CHARS_MIN)
    expect(digest(key)).toEqual(first.digest)

    const second = await ensureAdminKey(NOT_SET, place())
    expect(second).toMatchObject({ digest: first.digest, generated: undefined, source: place().kind })
  })

  test('a key that is set wins, and nothing is kept of it', async () => {
    const place = await open()
    const adminKey = 'k'.repeat(ADMIN_KEY_CHARS_MIN)
    const sealingKey = Buffer.alloc(SEALING_KEY_BYTES, 5).toString('base64')
    const set = { adminKey, sealingKey }
    const ensured = { digest: digest(adminKey), generated: undefined, source: 'environment' }
    expect(await ensureAdminKey(set, place())).toEqual(ensured)
    expect(await ensureSealingKey(set, place())).toEqual(Buffer.alloc(SEALING_KEY_BYTES, 5))
    expect((await ensureAdminKey(NOT_SET, place())).source).toBe('generated')
    expect(await ensureSealingKey(NOT_SET, place())).not.toEqual(Buffer.alloc(SEALING_KEY_BYTES, 5))
    expect(await ensureAdminKey(set, place())).toEqual(ensured)
    expect(await ensureSealingKey(set, place())).toEqual(Buffer.alloc(SEALING_KEY_BYTES, 5))
  })

  test('processes that start together agree, and one of them tells the key', async () => {
    const place = await open()
    const keys = await Promise.all(Array.from({ length: 8 }, () => ensureAdminKey(NOT_SET, place())))
    expect(new Set(keys.map(({ digest }) => digest.toString('hex'))).size).toBe(1)
    expect(keys.filter(({ generated }) => generated !== undefined)).toHaveLength(1)
    const seals = await Promise.all(Array.from({ length: 8 }, () => ensureSealingKey(NOT_SET, place())))
    expect(new Set(seals.map((seal) => seal.toString('hex'))).size).toBe(1)
  })

  test('an admin key that nobody was shown is forgotten, and one that somebody was is not', async () => {
    const place = await open()
    const failed = await ensureAdminKey(NOT_SET, place())
    await forgetAdminKey(failed, place())
    const shown = await ensureAdminKey(NOT_SET, place())
    expect(shown.source).toBe('generated')
    await forgetAdminKey(await ensureAdminKey(NOT_SET, place()), place())
    expect((await ensureAdminKey(NOT_SET, place())).digest).toEqual(shown.digest)
  })
})

test('a folder holds the digest alone, and nothing when the keys are set', async () => {
  const dir = await folder()
  const { generated = '' } = await ensureAdminKey(NOT_SET, folderPlace(dir))
  await ensureSealingKey(NOT_SET, folderPlace(dir))
  expect((await readdir(dir)).sort()).toEqual([ADMIN_KEY_NAME, SEALING_KEY_NAME])
  expect(await readFile(join(dir, ADMIN_KEY_NAME), 'utf8')).not.toContain(generated)
  const elsewhere = await folder()
  await ensureAdminKey({ adminKey: 'k'.repeat(ADMIN_KEY_CHARS_MIN) }, folderPlace(elsewhere))
  await expect(stat(elsewhere)).rejects.toThrow('ENOENT')
})

test('the store holds the digest alone; a process that adopted a key follows the one that takes its place', async () => {
  const disk = new MemoryDisk()
  const failed = await ensureAdminKey(NOT_SET, storePlace(new MemoryStore(disk)))
  const store = new MemoryStore(disk)
  const adopted = await ensureAdminKey(NOT_SET, storePlace(store))
  await forgetAdminKey(failed, storePlace(new MemoryStore(disk)))
  expect(adopted.digest).toEqual(failed.digest)
  const shown = await ensureAdminKey(NOT_SET, storePlace(new MemoryStore(disk)))
  expect(shown.source).toBe('generated')
  expect(adopted.digest).toEqual(shown.digest)
  expect(disk.text()).not.toContain(shown.generated)
  // The start that failed does not take away what is another's by now.
  await forgetAdminKey(failed, storePlace(new MemoryStore(disk)))
  expect((await ensureAdminKey(NOT_SET, storePlace(new MemoryStore(disk)))).digest).toEqual(shown.digest)
  await store.put('deployment', ADMIN_KEY_NAME, { content: 'garbage' })
  expect(adopted.digest).toEqual(shown.digest)
})

test('a record that is no key stops the start in one line, rather than be written over', async () => {
  const store = new MemoryStore()
  const place = storePlace(store)
  for (const [name, ensure] of [
    [ADMIN_KEY_NAME, () => ensureAdminKey(NOT_SET, place)],
    [SEALING_KEY_NAME, () => ensureSealingKey(NOT_SET, place)],
  ] as const) {
    for (const value of [{ content: 'garbage' }, { content: 5 }, {}]) {
      await store.put('deployment', name, value)
      await expect(ensure()).rejects.toThrow(new RegExp(`^the record deployment/${name} holds no .*accepted: [^\n]+$`))
      expect(await store.all('deployment')).toContainEqual({ key: name, value })
    }
  }
})

test.skipIf(process.platform === 'win32')(
  'the files are their owner’s alone, and are closed again when they were opened',
  async () => {
    const dir = await folder()
    await ensureAdminKey(NOT_SET, folderPlace(dir))
    await ensureSealingKey(NOT_SET, folderPlace(dir))
    expect((await stat(dir)).mode & 0o777).toBe(0o700)
    for (const name of [ADMIN_KEY_NAME, SEALING_KEY_NAME])
      expect((await stat(join(dir, name))).mode & 0o777).toBe(0o600)
    await chmod(join(dir, SEALING_KEY_NAME), 0o664)
    await ensureSealingKey(NOT_SET, folderPlace(dir))
    expect((await stat(join(dir, SEALING_KEY_NAME))).mode & 0o777).toBe(0o600)
  },
)

test('a file that is no key stops the start in one line, rather than be written over', async () => {
  const dir = await folder()
  await ensureAdminKey(NOT_SET, folderPlace(dir))
  for (const [name, ensure] of [
    [ADMIN_KEY_NAME, () => ensureAdminKey(NOT_SET, folderPlace(dir))],
    [SEALING_KEY_NAME, () => ensureSealingKey(NOT_SET, folderPlace(dir))],
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
  await ensureSealingKey(NOT_SET, folderPlace(dir))
  const inside = join(dir, SEALING_KEY_NAME, 'below-a-file')
  await expect(ensureSealingKey(NOT_SET, folderPlace(inside))).rejects.toThrow(ConfigError)
})
