import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type NatsConnection,
  type ServerInfo,
} from '@nats-io/transport-node'
import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../../clock.js'
import { pause } from './patience.js'

/** How to reach the servers. */
export interface NatsAddress {
  /** Addresses, `nats://` or `tls://`; a user, a password or a token may be in them. */
  readonly servers: readonly string[]
  /** A file of credentials, as `nsc` writes it. */
  readonly credentials?: string | undefined
  /** A file of the authority that signed the servers' certificates, where the system does not know it. */
  readonly ca?: string | undefined
}

/** A server may be started in the same moment as we are. */
const FIRST_CONNECT_MS_MAX = 30_000
const CONNECT_MS_MAX = 2_000
const AGAIN_MS = 250

export interface Patience {
  /** How long servers that do not answer at first are tried, in ms. */
  readonly patienceMs?: number
  /** Told once when they do not. */
  readonly waiting?: (line: string) => void
}

/**
 * Connects, and stays connected: a server that is lost is looked for again for ever.
 * @throws SwitchboardError `unavailable` when none of them answers, saying why and without secrets.
 */
export async function connectNats(
  address: NatsAddress,
  clock: Clock,
  { patienceMs = FIRST_CONNECT_MS_MAX, waiting = () => {} }: Patience = {},
): Promise<NatsConnection> {
  const options = await optionsOf(address)
  const until = clock.monotonic() + patienceMs
  // A clock's timers keep no process alive, and between two attempts nothing else does.
  const alive = setInterval(() => {}, AGAIN_MS)
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        return await connect(options)
      } catch (cause) {
        const why = `no NATS server answers at ${shown(address.servers)}: ${(cause as Error).message}`
        if (isFinal(cause) || clock.monotonic() > until) throw new SwitchboardError('unavailable', why, { cause })
        if (attempt === 0) waiting(`${why}; trying again for ${patienceMs / 1000} s`)
        await pause(clock, AGAIN_MS)
      }
    }
  } finally {
    clearInterval(alive)
  }
}

/** What one server says of itself. @throws Error when it does not answer. */
export async function visit(address: NatsAddress, server: string, timeoutMs: number): Promise<ServerInfo> {
  const options = { ...(await optionsOf(address)), servers: [server], reconnect: false, timeout: timeoutMs }
  const connection = await connect({ ...options, ignoreClusterUpdates: true })
  try {
    if (connection.info === undefined) throw new Error('it says nothing of itself')
    return connection.info
  } finally {
    await connection.close()
  }
}

/** Whether there is a connection right now. */
export function watchConnection(connection: NatsConnection): () => boolean {
  let isConnected = true
  const follow = async () => {
    for await (const { type } of connection.status()) {
      if (type === 'disconnect') isConnected = false
      if (type === 'reconnect') isConnected = true
    }
  }
  // It ends with the connection.
  void follow()
  return () => isConnected && !connection.isClosed()
}

/** Addresses without what is secret in them. */
export function shown(servers: readonly string[]): string {
  return servers.map((server) => (URL.canParse(server) ? new URL(server).host : 'an address')).join(', ')
}

async function optionsOf({ servers, credentials, ca }: NatsAddress): Promise<ConnectionOptions> {
  const urls = servers.map((server) => new URL(server))
  const [named] = urls.filter(({ username }) => username !== '')
  const user = named && decodeURIComponent(named.username)
  const pass = named && decodeURIComponent(named.password)
  const isTls = ca !== undefined || urls.some(({ protocol }) => protocol === 'tls:')
  return {
    servers: urls.map(({ host }) => host),
    name: `switchboard ${hostname()} ${process.pid}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    reconnectJitter: 50,
    timeout: CONNECT_MS_MAX,
    // A server that was cut off says nothing: two silent seconds are enough to look for another.
    pingInterval: 1_000,
    maxPingOut: 2,
    // Two stack traces for each request cost more than all the rest of an append: 180 instead of 105 us.
    noAsyncTraces: true,
    ...(user && (pass ? { user, pass } : { token: user })),
    ...(isTls && { tls: ca === undefined ? {} : { caFile: ca } }),
    ...(credentials !== undefined && { authenticator: credsAuthenticator(await contentOf(credentials)) }),
  }
}

async function contentOf(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new SwitchboardError('unavailable', `the NATS credentials ${file} cannot be read (${code})`, { cause })
  }
}

/** Refused for what we are, and not for what the servers are doing: trying again changes nothing. */
function isFinal(error: unknown): boolean {
  return ['AuthorizationError', 'UserAuthenticationExpiredError', 'InvalidArgumentError'].includes(
    (error as Error).name,
  )
}
