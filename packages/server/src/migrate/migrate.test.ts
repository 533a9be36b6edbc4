import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatPosition } from '@switchboard/contract'
import { afterAll, describe, expect, test } from 'vitest'
import { sharedNats, startNats } from '../../testing/nats.js'
import { systemClock } from '../clock.js'
import { openJetStreamEngine } from '../log/jetstream.js'
import { readConfig } from '../ops/config.js'
import { folderPlace, storePlace } from '../ops/key-place.js'
import { ensureAdminKey, ensureSealingKey } from '../ops/keys.js'
import { entriesOf } from './entries.js'
import {
  accessOf,
  all,
  CALLS,
  event,
  Folder,
  gateway,
  HOUR,
  key,
  manager,
  newFolder,
  run,
  seen,
  times,
} from './migrate.test-kit.js'
import { recordsOf } from './records.js'

const shared = sharedNats(afterAll)

test('a workspace has at the target what it had in the folder: events with their times, state, keys, secrets', async () => {
  const nats = await startNats()
  const folder = await Folder.make()
  let before: Awaited<ReturnType<typeof seen>> | undefined
  await folder.open(async ({ log }) => {
    before = await seen(log, folder, CALLS)
  })
  const { workspaces, adminKeyMoved, pairs } = await run(folder, nats.urls)
  expect(workspaces).toMatchObject([
    { isSame: true, recordsDiffering: 0, idempotencyKeys: 2, secrets: { moved: 1, closed: [] } },
  ])
  expect(adminKeyMoved).toBe(true)
  const { log, store } = await gateway(nats.urls)
  expect(await seen(log, folder, CALLS)).toEqual(before)
  expect(before?.entries.flat()).toHaveLength(32 + 465)
  expect(pairs).toHaveLength(32 + 465)

  const access = await accessOf(store, await ensureSealingKey({ sealingKey: undefined }, storePlace(store)))
  expect(await access.workspaces.list()).toMatchObject([{ id: folder.id, name: 'Harbor Clinic' }])
  expect(await access.authenticate(folder.apiKey, '')).toMatchObject({ workspace: folder.id })
  expect(access.secrets.get(folder.id, 'twilio')).toMatchObject({ value: 'canary-token', about: { service_id: 's' } })
  expect(await store.all('migration')).toEqual([])
})

test('the map has every entry once, in the order of its channel', async () => {
  const nats = await shared()
  const folder = await Folder.make()
  const { pairs } = await run(folder, nats.urls)
  const { log } = await gateway(nats.urls)
  for (const channel of [folder.own, folder.call('CA7')]) {
    const name = channel.call === undefined ? folder.id : `${folder.id}/CA7`
    const here = pairs.filter(([each]) => each === name)
    expect(here.map(([, , now]) => now)).toEqual(
      (await all(entriesOf(log, channel))).map(({ position }) => formatPosition(position)),
    )
    await folder.open(async (engine) => {
      const there = await all(entriesOf(engine.log, channel))
      expect(here.map(([, old]) => old)).toEqual(there.map(({ position }) => formatPosition(position)))
    })
  }
})

test('what was said before is not stored again, and answered with the positions of now', async () => {
  const nats = await shared()
  const folder = await Folder.make()
  const { pairs } = await run(folder, nats.urls)
  const { log } = await gateway(nats.urls)
  const now = pairs.filter(([name]) => name === folder.id).map(([, , position]) => position)
  const again = await log.append(
    folder.own,
    times(30, (n) => event('x', { n })),
    key('thirty'),
  )
  expect(again.replayed).toBe(30)
  expect(again.positions.map(formatPosition)).toEqual(now.slice(1, 31))
  const single = await log.append(folder.own, [event('x', {}, key('end'))])
  expect(single.positions.map(formatPosition)).toEqual(now.slice(31))
  expect(single.replayed).toBe(1)
})

test('state outlives the events it was made of, and an idempotency key the event it stood for', async () => {
  const nats = await shared()
  const folder = await Folder.make(async (engine, folder) => {
    await engine.log.append(folder.own, [event('operator.registered', { operator_id: 'op-old' })], key('old'))
    folder.clock.time += HOUR
    await engine.log.append(folder.own, [event('operator.wrap_up', { operator_id: 'op-new', call_sid: 'CA1' })])
    expect(await engine.log.retain(folder.clock.time)).toBe(1)
  })
  const { workspaces } = await run(folder, nats.urls)
  expect(workspaces).toMatchObject([{ isSame: true, channels: [{ entries: [1, 1] }] }])
  const { log } = await gateway(nats.urls)
  const operators = await all(recordsOf(log, folder.id, 'operators'))
  expect(operators.map(({ key, record }) => [key, record.registered_at !== null])).toEqual([
    ['op-new', false],
    ['op-old', true],
  ])
  const again = await log.append(folder.own, [event('x', {})], key('old'))
  expect(again).toMatchObject({ replayed: 1, positions: [{ sequence: 1 }] })
})

describe('is refused', () => {
  test('where the workspace is in use', async () => {
    const nats = await shared()
    const folder = await Folder.make()
    await run(folder, nats.urls)
    const again = run(folder, nats.urls)
    await expect(again).rejects.toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining('is at the target already'),
    })
  })

  test('where its slug is taken, unless it is given another', async () => {
    const nats = await shared()
    const [one, two] = [await Folder.make(), await Folder.make()]
    await run(one, nats.urls, { slug: 'clinic' })
    await expect(run(two, nats.urls, { slug: 'clinic' })).rejects.toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining('--slug'),
    })
    await run(two, nats.urls, { slug: 'clinic-2' })
    const { store } = await gateway(nats.urls)
    const slugs = new Map((await store.all('workspace')).map(({ key, value }) => [value.id, key]))
    expect([slugs.get(one.id), slugs.get(two.id)]).toEqual(['clinic', 'clinic-2'])
  })

  test('for a workspace that there is not, with the nearest', async () => {
    const folder = await Folder.make()
    const { slug } = folder
    await expect(
      run(folder, [], { workspaces: [slug.replace('harbor', 'habor')], dryRun: true }),
    ).rejects.toMatchObject({
      code: 'not_found',
      detail: expect.stringContaining(`did you mean ${slug}?`),
    })
  })

  test('for a folder that a server has', async () => {
    const folder = await Folder.make()
    await folder.open(async () => {
      await expect(run(folder, [], { dryRun: true })).rejects.toMatchObject({ code: 'unavailable' })
    })
  })

  test('for a folder that holds no log, or that of a gateway, and nothing is made there', async () => {
    const folder = new Folder()
    await expect(run(folder, [])).rejects.toMatchObject({ code: 'not_found' })
    mkdirSync(join(folder.dir, 'replica-1'))
    await expect(run(folder, [])).rejects.toMatchObject({ detail: expect.stringContaining('of a gateway') })
    const nats = await shared()
    const dir = newFolder()
    const engine = await openJetStreamEngine({
      servers: nats.urls,
      dir,
      clock: systemClock,
      retentionMs: HOUR,
      mends: false,
    })
    await engine.log.catchUp()
    await engine.log.append({ workspace: 'any' }, [event('x', {})])
    await engine.close()
    const copy = Object.assign(new Folder(), { dir: join(dir, 'replica-1', 'partition-0') })
    await expect(run(copy, [], { dryRun: true })).rejects.toMatchObject({
      detail: expect.stringContaining("gateway's copy"),
    })
  })

  test('for a damaged folder, unless what is lost is left out', async () => {
    const nats = await shared()
    const folder = await Folder.make()
    const path = join(folder.dir, 'log.mdb')
    const bytes = readFileSync(path)
    // Of the longest call alone; older pages of the file may hold it as well.
    const text = '"state":"29'
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) bytes[at + text.length - 2] = 56
    writeFileSync(path, bytes)
    await expect(run(folder, nats.urls)).rejects.toMatchObject({
      code: 'storage_fault',
      detail: expect.stringMatching(/1 to 30 of .*\/CA29 cannot be read/),
    })
    const { workspaces, planned } = await run(folder, nats.urls, { skipDamaged: true })
    expect(workspaces).toMatchObject([{ isSame: true }])
    expect(planned[0]?.damage).toHaveLength(1)
  })

  test('with one slug for several workspaces', async () => {
    const folder = await Folder.make(async ({ store }, { dir }) => {
      const access = await accessOf(store, await ensureSealingKey({ sealingKey: undefined }, folderPlace(dir)))
      await access.workspaces.create({ name: 'Second', slug: 'second' })
    })
    await expect(run(folder, [], { slug: 'x', dryRun: true })).rejects.toMatchObject({ code: 'invalid_parameter' })
  })
})

test('a dry run says what there is, and makes nothing at the target', async () => {
  const nats = await startNats()
  const folder = await Folder.make()
  const { planned, workspaces } = await run(folder, nats.urls, { dryRun: true })
  expect(workspaces).toEqual([])
  expect(planned).toMatchObject([
    { standing: 'new', records: 31, apiKeys: 1, secrets: 1, idempotencyKeys: 2, damage: [], channels: { length: 31 } },
  ])
  const { jsm, end } = await manager(nats.urls)
  expect(await jsm.streams.list().next()).toEqual([])
  await end()
})

test('a folder whose sealing key is gone is refused: what is personal in it cannot be read', async () => {
  const nats = await shared()
  const folder = await Folder.make()
  rmSync(join(folder.dir, 'sealing.key'))
  await expect(run(folder, nats.urls)).rejects.toMatchObject({
    code: 'storage_fault',
    detail: expect.stringContaining('cannot be used without its sealing key'),
  })
})

test('a secret that was sealed with another key is named, and everything else moves', async () => {
  const nats = await shared()
  const folder = await Folder.make()
  await folder.open(async ({ store }) => {
    const [secret] = await store.all('secret')
    await store.put('secret', secret?.key ?? '', { ...secret?.value, sealed: Buffer.alloc(40).toString('base64') })
  })
  const { workspaces } = await run(folder, nats.urls)
  expect(workspaces).toMatchObject([{ isSame: true, secrets: { moved: 0, closed: ['twilio'] } }])
})

test('a cluster that has an admin key keeps it, and settings of its streams as its gateways want them', async () => {
  const nats = await startNats()
  const engine = await gateway(nats.urls)
  await ensureAdminKey({ adminKey: undefined }, storePlace(engine.store))
  const { jsm, end } = await manager(nats.urls)
  const before = (await jsm.streams.info('SB_EVENTS_0')).config
  const folder = await Folder.make()
  const config = readConfig({
    SWITCHBOARD_NATS_URL: nats.urls.join(','),
    SWITCHBOARD_DATA_DIR: folder.dir,
    SWITCHBOARD_RETENTION: '1h',
  })
  const { adminKeyMoved } = await run(folder, nats.urls, { config })
  expect(adminKeyMoved).toBe(false)
  expect((await jsm.streams.info('SB_EVENTS_0')).config).toEqual(before)
  await end()
})
