import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { builtinCatalogue, type JsonObject } from '@switchboard/contract'
import { onTestFinished } from 'vitest'
import { SetClock } from '../../testing/clock.js'
import { type Access, createAccess } from '../access/access.js'
import { digest } from '../access/secret-text.js'
import { type Clock, systemClock } from '../clock.js'
import { privacyOf } from '../compose/own-privacy.js'
import { type JetStreamEngine, openJetStreamEngine } from '../log/jetstream.js'
import { type LmdbEngine, openLmdbEngine } from '../log/lmdb.js'
import type { Channel, Idempotency, Log, NewEvent, Store } from '../log/log.js'
import { readConfig } from '../ops/config.js'
import { folderPlace } from '../ops/key-place.js'
import { ensureAdminKey, ensureSealingKey } from '../ops/keys.js'
import { projections } from '../state/projections.js'
import { entriesOf, type KeptEntry } from './entries.js'
import { type MigrateOptions, migrate, type Planned } from './migrate.js'
import { recordsOf } from './records.js'

export const HOUR = 3_600_000
const ADMIN_KEY = 'an-admin-key-that-is-long-enough-for-this'
export function newFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-migrate-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export const event = (type: string, fields: JsonObject, idempotency?: Idempotency): NewEvent => ({
  type,
  event: { event_type: type, ...fields },
  ...(idempotency && { idempotency }),
})
export const said = (n: number): NewEvent => ({
  type: 'user_transcript',
  event: { type: 'user_transcript', transcript: `${n} ü\n` },
})
export const key = (name: string): Idempotency => ({ key: name, fingerprint: 'same' })
export const times = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n))

export async function accessOf(store: Store, sealingKey: Buffer, clock: Clock = systemClock): Promise<Access> {
  const access = await createAccess({
    store,
    clock,
    adminKeyDigest: digest(ADMIN_KEY),
    sealingKey,
    warn: (line) => {
      throw new Error(line)
    },
  })
  return access
}

/** So that each has a slug of its own. */
let folders = 0

/** A folder that a server of one machine has left. */
export class Folder {
  readonly dir = newFolder()
  readonly clock = new SetClock()
  readonly slug = `harbor-${folders++}`
  id = ''
  apiKey = ''

  static async make(fill: (engine: LmdbEngine, folder: Folder) => Promise<void> = story): Promise<Folder> {
    const folder = new Folder()
    folder.clock.time = Date.now() - 3 * HOUR
    await folder.open(async (engine) => {
      const place = folderPlace(folder.dir)
      await ensureAdminKey({ adminKey: undefined }, place)
      const access = await accessOf(engine.store, await ensureSealingKey({ sealingKey: undefined }, place))
      const admin = await access.authenticate(ADMIN_KEY, '')
      folder.id = (await access.workspaces.create({ name: 'Harbor Clinic', slug: folder.slug })).id
      const made = await access.apiKeys.create(admin, folder.id, { name: 'app', permissions: ['events:read'] })
      folder.apiKey = made.api_key
      await access.secrets.put(admin, folder.id, 'twilio', 'canary-token', { service_id: 's' })
      await fill(engine, folder)
    })
    return folder
  }

  async open(use: (engine: LmdbEngine) => Promise<void>): Promise<void> {
    const privacy = privacyOf(
      await ensureSealingKey({ sealingKey: undefined }, folderPlace(this.dir)),
      builtinCatalogue,
    )
    const engine = await openLmdbEngine({ dir: this.dir, clock: this.clock, projections, privacy })
    try {
      await use(engine)
    } finally {
      await engine.close()
    }
  }

  get own(): Channel {
    return { workspace: this.id }
  }

  call(sid: string): Channel {
    return { workspace: this.id, call: sid }
  }
}

/** Some calls, an operator, a data source; in several batches, at several times. */
async function story({ log }: LmdbEngine, folder: Folder): Promise<void> {
  const { own, clock } = folder
  await log.append(own, [event('operator.registered', { operator_id: 'op-1' })])
  clock.time += 1000
  await log.append(
    own,
    times(30, (n) => event('call.started', { call_sid: `CA${n}`, direction: 'inbound' })),
    key('thirty'),
  )
  for (let n = 0; n < 30; n++) {
    clock.time += 7
    await log.append(folder.call(`CA${n}`), times(n + 1, said))
  }
  clock.time += 1000
  await log.append(own, [event('call.ended', { call_sid: 'CA3', duration_seconds: 7 }, key('end'))])
}

type Some = Partial<MigrateOptions>

/** Moves it as the command does. What was planned and mapped comes along. */
export async function run(folder: Folder, urls: readonly string[], options: Some = {}) {
  const planned: Planned[] = []
  let map = ''
  const config = readConfig({ SWITCHBOARD_NATS_URL: urls.join(','), SWITCHBOARD_DATA_DIR: folder.dir })
  const result = await migrate({
    config,
    clock: systemClock,
    signal: new AbortController().signal,
    workspaces: 'all',
    dryRun: false,
    startOver: false,
    skipDamaged: false,
    progress() {},
    found() {},
    planned: async (plan) => void planned.push(plan),
    map: async (lines) => {
      map += lines
    },
    ...options,
  })
  const pairs = map
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'))
  return { ...result, planned, pairs }
}

/** A gateway of the target. */
export async function gateway(urls: readonly string[]): Promise<JetStreamEngine> {
  const engine = await openJetStreamEngine({
    servers: urls,
    dir: newFolder(),
    clock: systemClock,
    retentionMs: 7 * 24 * HOUR,
    projections,
  })
  onTestFinished(() => engine.close())
  await engine.log.catchUp()
  return engine
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

export const withoutSequences = (entries: readonly KeptEntry[]) =>
  entries.map(({ position, type, json }) => ({ time: position.time, type, json }))

async function stateOf(log: Log, workspace: string) {
  return Promise.all(projections.map(async ({ name }) => [name, await all(recordsOf(log, workspace, name))]))
}

export async function seen(log: Log, { id }: Folder, calls: readonly string[]) {
  const channels: Channel[] = [{ workspace: id }, ...calls.map((call) => ({ workspace: id, call }))]
  return {
    entries: await Promise.all(channels.map(async (channel) => withoutSequences(await all(entriesOf(log, channel))))),
    state: await stateOf(log, id),
  }
}
export const CALLS = times(30, (n) => `CA${n}`)

export async function entriesIn(folder: Folder, channel: Channel): Promise<KeptEntry[]> {
  let entries: KeptEntry[] = []
  await folder.open(async ({ log }) => {
    entries = await all(entriesOf(log, channel))
  })
  return entries
}

export async function manager(urls: readonly string[]) {
  const connection = await connect({ servers: [...urls] })
  return { jsm: await jetstreamManager(connection), end: () => connection.close() }
}
