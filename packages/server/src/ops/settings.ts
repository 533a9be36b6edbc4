import {
  duration,
  host,
  keyText,
  natsServers,
  oneOf,
  origins,
  path,
  type Setting,
  trustProxy,
  webAddress,
  wholeNumber,
} from './setting.js'

export const ADMIN_KEY_CHARS_MIN = 32

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/**
 * Everything that a deployment may set. The reader, its errors, the flags of `switchboard serve` and the page of the
 * documentation all come from this table.
 */
export const settings = {
  port: {
    variable: 'PORT',
    flag: '--port',
    placeholder: '<number>',
    preset: '8080',
    meaning: 'Port to listen on; 0 takes a free one and says which.',
    ...wholeNumber(0, 65_535),
  },
  host: {
    variable: 'HOST',
    flag: '--host',
    placeholder: '<address>',
    preset: '127.0.0.1',
    meaning: 'Address to listen on; 0.0.0.0 or :: for every one of the machine.',
    ...host,
  },
  dataDir: {
    variable: 'SWITCHBOARD_DATA_DIR',
    flag: '--data-dir',
    placeholder: '<path>',
    preset: './data',
    meaning: 'Folder of the embedded engine and of the keys that belong to it.',
    ...path,
  },
  natsUrl: {
    variable: 'SWITCHBOARD_NATS_URL',
    flag: '--nats-url',
    placeholder: '<servers>',
    otherwise: 'the embedded engine',
    meaning: 'Servers of the JetStream engine. This build has the embedded engine only, and refuses to start with it.',
    // It may hold a password.
    secret: true,
    ...natsServers,
  },
  natsReplicas: {
    variable: 'SWITCHBOARD_NATS_REPLICAS',
    flag: '--nats-replicas',
    placeholder: '<number>',
    otherwise: '1, or 3 on a cluster of 3 and more',
    meaning: 'Copies of every event in JetStream.',
    ...wholeNumber(1, 5),
  },
  adminKey: {
    variable: 'SWITCHBOARD_ADMIN_KEY',
    flag: '--admin-key',
    placeholder: '<key>',
    otherwise: 'generated on the first start and printed once',
    meaning: 'The root credential. A variable is better than a flag, which other users of the machine can read.',
    secret: true,
    ...keyText(ADMIN_KEY_CHARS_MIN, 1024),
  },
  retentionMs: {
    variable: 'SWITCHBOARD_RETENTION',
    flag: '--retention',
    placeholder: '<duration>',
    preset: '7d',
    meaning: 'How long events are kept.',
    ...duration('1s', '3650d'),
  },
  maxStreamsPerWorkspace: {
    variable: 'SWITCHBOARD_MAX_STREAMS_PER_WORKSPACE',
    flag: '--max-streams-per-workspace',
    placeholder: '<number>',
    preset: '1000',
    meaning: 'Streams a workspace may have open, SSE and WebSocket together.',
    ...wholeNumber(1, 1_000_000),
  },
  heartbeatMs: {
    variable: 'SWITCHBOARD_HEARTBEAT',
    flag: '--heartbeat',
    placeholder: '<duration>',
    preset: '15s',
    meaning: 'Silence on a stream before a heartbeat; public clients give up after 45 s of it.',
    ...duration('100ms', '40s'),
  },
  allowedOrigins: {
    variable: 'SWITCHBOARD_ALLOWED_ORIGINS',
    flag: '--allowed-origins',
    placeholder: '<origins>',
    otherwise: 'the same origin only',
    meaning: 'Browser origins that may use the API and open streams.',
    ...origins,
  },
  catalogue: {
    variable: 'SWITCHBOARD_CATALOGUE',
    flag: '--catalogue',
    placeholder: '<path>',
    otherwise: 'the built-in event types only',
    meaning: 'A JSON file of additional event types.',
    ...path,
  },
  publishRate: {
    variable: 'SWITCHBOARD_PUBLISH_RATE',
    flag: '--publish-rate',
    placeholder: '<number>',
    otherwise: 'no limit',
    meaning: 'Events a second that a key may publish before it is told to wait (429 with Retry-After).',
    ...wholeNumber(1, 1_000_000),
  },
  logLevel: {
    variable: 'SWITCHBOARD_LOG_LEVEL',
    flag: '--log-level',
    placeholder: '<level>',
    preset: 'info',
    meaning: 'How much is logged: JSON lines, or readable ones on a terminal.',
    ...oneOf(logLevels),
  },
  publicUrl: {
    variable: 'SWITCHBOARD_PUBLIC_URL',
    flag: '--public-url',
    placeholder: '<address>',
    otherwise: 'the address of each request',
    meaning: 'The address that callers outside use. Behind a proxy Twilio signatures need it.',
    ...webAddress,
  },
  trustProxy: {
    variable: 'SWITCHBOARD_TRUST_PROXY',
    flag: '--trust-proxy',
    placeholder: '<proxies>',
    preset: 'off',
    meaning: 'Whose X-Forwarded-* headers are believed. "on" believes anybody: only where nobody else can connect.',
    ...trustProxy,
  },
  drainMs: {
    variable: 'SWITCHBOARD_DRAIN',
    flag: '--drain',
    placeholder: '<duration>',
    preset: '10s',
    meaning: 'How long a shutdown may take: open streams are ended and requests finished within it.',
    ...duration('0s', '10m'),
  },
} as const satisfies Record<string, Setting<unknown>>

export type SettingName = keyof typeof settings

/** The table as rows, in its order. */
export const settingList: readonly (Setting<unknown> & { readonly name: SettingName })[] = Object.entries<
  Setting<unknown>
>(settings).map(([name, setting]) => ({ ...setting, name: name as SettingName }))
