import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { credentialsPath, isPrivate, readCredentials, saveCredentials, saveCurrent } from './credentials.js'
import { keyOf, resolveTarget } from './target.js'

const ID = '6f1f6b0e-3f7b-4b7a-9b1e-0a8f5f7f0f11'
const OTHER = '7a2f6b0e-3f7b-4b7a-9b1e-0a8f5f7f0f22'
const URL_ = 'http://127.0.0.1:8080'
const HELD = { admin_key: 'admin', workspace_id: ID, workspace_slug: 'default', api_key: 'key' }

const NOTHING = { current: undefined, servers: {} }

describe('where a command goes', () => {
  const file = { current: undefined, servers: { [URL_]: HELD, 'http://b:1': { admin_key: 'admin-b' } } }

  test('is what the credentials file says when nothing else does', () => {
    const target = resolveTarget({}, {}, file)
    expect(target).toMatchObject({
      url: { value: URL_, origin: 'default' },
      key: { value: 'key', origin: 'credentials file' },
      managingKey: { value: 'admin' },
      workspace: { value: ID, origin: 'credentials file' },
    })
  })

  test('is what the environment says rather than the file, and what options say rather than both', () => {
    const env = { SWITCHBOARD_URL: 'http://b:1/', SWITCHBOARD_API_KEY: 'env-key', SWITCHBOARD_WORKSPACE: OTHER }
    expect(resolveTarget({}, env, file)).toMatchObject({
      url: { value: 'http://b:1', origin: 'environment' },
      key: { value: 'env-key' },
      managingKey: { value: 'env-key' },
      workspace: { value: OTHER },
    })
    expect(resolveTarget({ url: URL_, key: 'k', workspace: 'w' }, env, file)).toMatchObject({
      url: { value: URL_, origin: 'option' },
      key: { value: 'k', origin: 'option' },
      workspace: { value: 'w', origin: 'option' },
    })
  })

  test('knows the slug of its own workspace without asking the server', () => {
    expect(resolveTarget({ workspace: 'default' }, {}, file)).toMatchObject({
      workspace: { value: ID },
      key: { value: 'key' },
    })
  })

  test('takes the admin key for another workspace, since the workspace key does not open it', () => {
    expect(resolveTarget({ workspace: OTHER }, {}, file)).toMatchObject({
      workspace: { value: OTHER },
      key: { value: 'admin' },
    })
  })

  test('is the server that was started here last, whatever its port', () => {
    const moved = { current: 'http://b:1', servers: file.servers }
    expect(resolveTarget({}, {}, moved)).toMatchObject({
      url: { value: 'http://b:1', origin: 'credentials file' },
      key: { value: 'admin-b' },
    })
  })

  test('is the same server by the name localhost', () => {
    expect(resolveTarget({ url: 'http://localhost:8080' }, {}, file).key?.value).toBe('key')
  })

  test('takes a variable that is set to nothing as unset', () => {
    expect(resolveTarget({}, { SWITCHBOARD_API_KEY: '', SWITCHBOARD_URL: ' ' }, file).key?.value).toBe('key')
  })

  test('without a key says how to come by one', () => {
    const target = resolveTarget({}, {}, NOTHING)
    expect(() => keyOf(target)).toThrow('There is no key for http://127.0.0.1:8080.')
  })

  test('with an address that is none names who said it', () => {
    expect(() => resolveTarget({}, { SWITCHBOARD_URL: 'localhost' }, NOTHING)).toThrow('SWITCHBOARD_URL is "localhost"')
  })
})

describe('the credentials file', () => {
  const folders: string[] = []
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
  })
  async function home(): Promise<{ path: string; home: string }> {
    const folder = await mkdtemp(join(tmpdir(), 'switchboard-'))
    folders.push(folder)
    return { path: credentialsPath({ env: {}, home: folder }), home: folder }
  }

  test('is where other programs keep theirs', () => {
    expect(credentialsPath({ env: { XDG_CONFIG_HOME: '/cfg' }, home: '/home/me' })).toBe(
      '/cfg/switchboard/credentials.json',
    )
    expect(credentialsPath({ env: { XDG_CONFIG_HOME: 'relative' }, home: '/home/me' })).toBe(
      '/home/me/.config/switchboard/credentials.json',
    )
  })

  test('is private, and keeps servers apart', async () => {
    const { path } = await home()
    expect(await readCredentials(path)).toEqual(NOTHING)
    await saveCredentials(path, 'http://a', HELD)
    await saveCredentials(path, 'http://b', { admin_key: 'b' })
    const servers = { 'http://a': HELD, 'http://b': { admin_key: 'b' } }
    expect(await readCredentials(path)).toEqual({ current: undefined, servers })
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700)
    expect(await isPrivate(path)).toBe(true)
  })

  test('follows a data folder to its server’s new address', async () => {
    const { path } = await home()
    await saveCurrent(path, 'http://a:1', { ...HELD, data_dir: '/data' })
    await saveCurrent(path, 'http://c:1', { admin_key: 'c', data_dir: '/other' })
    await saveCurrent(path, 'http://a:2', { ...HELD, data_dir: '/data' })
    expect(await readCredentials(path)).toEqual({
      current: 'http://a:2',
      servers: { 'http://a:2': { ...HELD, data_dir: '/data' }, 'http://c:1': { admin_key: 'c', data_dir: '/other' } },
    })
  })

  test('becomes private when it was not', async () => {
    const { path } = await home()
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, '{"version":1,"servers":{}}', { mode: 0o644 })
    expect(await isPrivate(path)).toBe(false)
    await saveCredentials(path, 'http://a', HELD)
    expect(await isPrivate(path)).toBe(true)
  })

  test('of another make is left alone', async () => {
    const { path } = await home()
    await mkdir(join(path, '..'), { recursive: true })
    for (const text of ['not json', '{"version":2,"servers":{}}', '[]']) {
      await writeFile(path, text)
      await expect(saveCredentials(path, 'http://a', HELD)).rejects.toThrow('is not a credentials file of this version')
      expect(await readFile(path, 'utf8')).toBe(text)
    }
  })
})
