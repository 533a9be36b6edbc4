import { SEALING_KEY_BYTES } from '../access/sealing.js'
import {
  base64Bytes,
  duration,
  host,
  keyText,
  natsServers,
  numbers,
  oneOf,
  origins,
  path,
  pemFile,
  type Setting,
  trustProxy,
  webAddress,
  webAddresses,
  wholeNumber,
} from './setting.js'

export const ADMIN_KEY_CHARS_MIN = 32
/** Each costs the servers a Raft group, and each gateway that follows it a consumer. */
const PARTITIONS_MAX = 1024

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
  tlsCert: {
    variable: 'SWITCHBOARD_TLS_CERT',
    flag: '--tls-cert',
    placeholder: '<path>',
    otherwise: 'plain HTTP/1.1',
    meaning:
      'Certificate to serve HTTPS with: HTTP/2, and HTTP/1.1 on the same port. Read again when the file changes.',
    ...pemFile("a file of certificates in PEM, the server's own first and then those that lead to its authority"),
  },
  tlsKey: {
    variable: 'SWITCHBOARD_TLS_KEY',
    flag: '--tls-key',
    placeholder: '<path>',
    otherwise: 'plain HTTP/1.1',
    meaning: "The certificate's private key.",
    ...pemFile('a file of one private key in PEM, without a pass phrase'),
  },
  dataDir: {
    variable: 'SWITCHBOARD_DATA_DIR',
    flag: '--data-dir',
    placeholder: '<path>',
    preset: './data',
    meaning:
      "Folder of the embedded engine and of the keys that belong to it, or of a gateway's copy of JetStream's events.",

    ...path,
  },
  workers: {
    variable: 'SWITCHBOARD_WORKERS',
    flag: '--workers',
    placeholder: '<number>',
    preset: '1',
    meaning: 'Processes that serve one port over the embedded engine, to use more cores. 1 is a single process.',
    ...wholeNumber(1, 64),
  },
  natsUrl: {
    variable: 'SWITCHBOARD_NATS_URL',
    flag: '--nats-url',
    placeholder: '<servers>',
    otherwise: 'the embedded engine',
    meaning: 'NATS servers: events are kept in their JetStream, and any number of gateways may serve them.',
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
  natsPartitions: {
    variable: 'SWITCHBOARD_NATS_PARTITIONS',
    flag: '--nats-partitions',
    placeholder: '<number>',
    preset: '1',
    meaning: 'Streams that the workspaces are spread over. The same for every gateway, and for ever.',
    ...wholeNumber(1, PARTITIONS_MAX),
  },
  natsFollow: {
    variable: 'SWITCHBOARD_NATS_FOLLOW',
    flag: '--nats-follow',
    placeholder: '<partitions>',
    otherwise: 'all',
    meaning: 'Partitions that this gateway serves. Requests for workspaces in others are answered with 421.',
    ...numbers(0, PARTITIONS_MAX - 1),
  },
  natsCredentials: {
    variable: 'SWITCHBOARD_NATS_CREDENTIALS',
    flag: '--nats-credentials',
    placeholder: '<path>',
    otherwise: 'what is in the addresses',
    meaning: 'A file of NATS credentials, as nsc writes it.',
    ...path,
  },
  natsCa: {
    variable: 'SWITCHBOARD_NATS_CA',
    flag: '--nats-ca',
    placeholder: '<path>',
    otherwise: 'the authorities that the system knows',
    meaning: "The certificate of the authority that signed the NATS servers' certificates.",
    ...path,
  },
  natsMonitor: {
    variable: 'SWITCHBOARD_NATS_MONITOR',
    flag: '--nats-monitor',
    placeholder: '<addresses>',
    otherwise: 'whether they sync before they acknowledge is not known',
    meaning: 'Monitoring ports of the NATS servers, to be looked at when a gateway starts and by the doctor.',
    ...webAddresses,
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
  sealingKey: {
    variable: 'SWITCHBOARD_SEALING_KEY',
    flag: '--sealing-key',
    placeholder: '<base64>',
    otherwise: 'generated on the first start and kept beside what it seals',
    meaning: 'Seals the secrets of sources, such as one from openssl rand -base64 32. The same at every gateway.',
    secret: true,
    ...base64Bytes(SEALING_KEY_BYTES),
  },
  retentionMs: {
    variable: 'SWITCHBOARD_RETENTION',
    flag: '--retention',
    placeholder: '<duration>',
    preset: '7d',
    meaning: 'How long events are kept.',
    ...duration('1s', '3650d'),
  },
  auditRetentionMs: {
    variable: 'SWITCHBOARD_AUDIT_RETENTION',
    flag: '--audit-retention',
    placeholder: '<duration>',
    preset: '400d',
    meaning: 'How long records of the audit trail are kept: who watched, read and changed what.',
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
  maxStreamsPerKey: {
    variable: 'SWITCHBOARD_MAX_STREAMS_PER_KEY',
    flag: '--max-streams-per-key',
    placeholder: '<number>',
    otherwise: 'as many as its workspace may',
    meaning: 'Streams that one API key and its access tokens may have open, at each process.',
    ...wholeNumber(1, 1_000_000),
  },
  maxStrangersPerAddress: {
    variable: 'SWITCHBOARD_MAX_STRANGERS_PER_ADDRESS',
    flag: '--max-strangers-per-address',
    placeholder: '<number>',
    preset: '4096',
    meaning: 'Connections of one address without an accepted credential, at each process; the longest waiting is cut.',
    ...wholeNumber(1, 1_000_000),
  },
  maxStrangers: {
    variable: 'SWITCHBOARD_MAX_STRANGERS',
    flag: '--max-strangers',
    placeholder: '<number>',
    preset: '16384',
    meaning: 'The same over all addresses, trusted proxies included.',
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
