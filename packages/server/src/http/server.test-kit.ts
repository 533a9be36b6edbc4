import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { builtinCatalogue, type Catalogue, type Permission } from '@switchboard/contract'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { type Access, createAccess } from '../access/access.js'
import { digest } from '../access/secret-text.js'
import { openTrail } from '../audit/trail.js'
import { type Clock, systemClock } from '../clock.js'
import { createFanout } from '../fanout/fanout.js'
import { createFingerprint } from '../ingest/fingerprint.js'
import { createIngest, type Ingest } from '../ingest/ingest.js'
import { createPublishRate, noPublishRate } from '../ingest/rate.js'
import { openLmdbEngine } from '../log/lmdb.js'
import type { Engine } from '../log/log.js'
import { noMeter } from '../meter.js'
import { createTwilioSource } from '../sources/twilio.js'
import { projections } from '../state/projections.js'
import { Tally, tallied } from '../tally.js'
import { presenceOf } from '../transport/presence.js'
import { createSessions } from '../transport/sessions.js'
import type { StreamDependencies } from '../transport/sse.js'
import { registerApi } from './api.js'
import { createApp } from './app.js'
import { clientAddress } from './client-address.js'
import { twilioSettings } from './sources.js'

export const ADMIN_KEY = 'an-admin-key-that-is-long-enough-for-this'

export interface TestApp {
  readonly app: FastifyInstance
  readonly access: Access
  readonly engine: Engine
  readonly ingest: Ingest
  readonly stream: StreamDependencies
  /** A workspace that was created for the test. */
  readonly workspace: string
  /** A key of the workspace with these permissions. */
  key(...permissions: readonly Permission[]): Promise<string>
  /** Sends a request, as the admin when no credential is given. */
  ask(method: string, path: string, options?: AskOptions): Promise<LightMyRequestResponse>
  close(): Promise<void>
}

export interface AskOptions {
  readonly body?: unknown
  readonly credential?: string | null
  readonly headers?: Readonly<Record<string, string>>
}

export interface TestAppOptions {
  readonly dir?: string
  readonly clock?: Clock
  readonly publishRate?: number
  readonly allowedOrigins?: readonly string[]
  readonly isDraining?: () => boolean
  readonly slug?: string
  readonly catalogue?: Catalogue
  /** Stands between the server and its engine, to make it fail. */
  readonly wrap?: (engine: Engine) => Engine
}

/** The server's HTTP side over a real log in a folder of its own. It ends with the test. */
export async function openTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const { clock = systemClock, slug = 'harbor-clinic', catalogue = builtinCatalogue } = options
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'http-')))
  const opened = await openLmdbEngine({ dir, clock, projections })
  const engine = options.wrap?.(opened) ?? opened
  const { log } = engine
  const access = await createAccess({
    store: engine.store,
    clock,
    adminKeyDigest: digest(ADMIN_KEY),
    sealingKey: Buffer.alloc(32, 7),
    warn: () => {},
  })
  const tally = new Tally(clock)
  const meter = tallied(noMeter, tally)
  const rate = options.publishRate === undefined ? noPublishRate : createPublishRate(options.publishRate, clock)
  const ingest = createIngest({
    log,
    catalogue,
    clock,
    meter,
    rate,
    fingerprint: createFingerprint(access.secret),
  })
  const fanout = createFanout({ log, catalogue, meter, clock })
  const addressOf = (request: Parameters<typeof clientAddress>[0]) => clientAddress(request, () => false)
  const trail = await openTrail({ engine, clock, addressOf, warn: () => {} })
  const watch = trail.streams
  const sessions = createSessions({ gate: access, clock, meter, watch, maxStreamsPerWorkspace: 10, drainMs: 1000 })
  const settings = twilioSettings(access.secrets, access.workspaces)
  const stream = { log, fanout, sessions, catalogue, clock, meter, config: { heartbeatMs: 15_000 } }
  const app = await createApp({
    logger: pino({ level: 'silent' }),
    clock,
    meter,
    allowedOrigins: options.allowedOrigins ?? [],
    onRequestOver: () => {},
    isDraining: options.isDraining ?? (() => false),
  })
  await registerApi(app, {
    access,
    log,
    catalogue,
    clock,
    ingest,
    stream,
    twilio: createTwilioSource({ ingest, log, clock, settings }),
    presence: presenceOf(sessions, tally),
    ledger: engine.ledger,
    trail,
    version: '0.0.0',
    readiness: () => ({ status: 'ready', checks: [] }),
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: 'up 1\n' }),
  })
  await app.ready()

  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= (async () => {
      await sessions.drain()
      await app.close()
      await trail.close()
      fanout.close()
      ingest.close()
      access.close()
      await opened.close()
      if (options.dir === undefined) await rm(dir, { recursive: true })
    })()
    return closed
  }
  onTestFinished(close)

  const known = access.workspaces.bySlug(slug)
  const { id: workspace } = known ?? (await access.workspaces.create({ name: 'Harbor Clinic', slug }))
  const admin = await access.authenticate(ADMIN_KEY, '127.0.0.1')
  return {
    app,
    access,
    engine,
    ingest,
    stream,
    workspace,
    async key(...permissions) {
      return (await access.apiKeys.create(admin, workspace, { name: 'a key', permissions })).api_key
    },
    ask(method, path, { body, credential = ADMIN_KEY, headers = {} } = {}) {
      const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
      return app.inject({
        method: method as NonNullable<InjectOptions['method']>,
        url: path,
        headers: {
          ...(credential !== null && { authorization: `Bearer ${credential}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { payload: isRaw ? body : JSON.stringify(body) }),
      })
    },
    close,
  }
}
