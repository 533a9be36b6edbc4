/** What a server tells at its monitoring port. */
export interface Monitored {
  readonly address: string
  readonly id: string
  readonly name: string
  readonly version: string
  /** Its time when it answered, unix ms; and ours in the middle of asking. */
  readonly now: number
  readonly askedAt: number
  /** Undefined when it has no JetStream. */
  readonly jetstream: MonitoredJetStream | undefined
}

export interface MonitoredJetStream {
  readonly storeDir: string
  /** How long it waits before it syncs, in ms; undefined when it does not say, as those before 2.10. */
  readonly syncIntervalMs: number | undefined
  readonly syncAlways: boolean
  readonly storage: { readonly used: number; readonly max: number }
  /** Of the group that keeps what streams there are; undefined on a single server. */
  readonly meta:
    | { readonly size: number; readonly leader: string | undefined; readonly offline: readonly string[] }
    | undefined
}

/** One that does not answer, or not as a NATS server does. */
export interface Unmonitored {
  readonly address: string
  readonly why: string
}

const ANSWER_MS_MAX = 2_000
const NANOS_PER_MS = 1_000_000

/** Asks the monitoring ports of servers, all at once. */
export function askMonitors(
  addresses: readonly string[],
  now: () => number,
): Promise<readonly (Monitored | Unmonitored)[]> {
  return Promise.all(addresses.map((address) => askMonitor(address, now)))
}

async function askMonitor(address: string, now: () => number): Promise<Monitored | Unmonitored> {
  try {
    const asked = now()
    const varz = (await json(`${address}/varz`)) as Varz
    const askedAt = (asked + now()) / 2
    const { server_id: id, server_name: name, version } = varz
    if (typeof id !== 'string' || typeof version !== 'string')
      return { address, why: 'it does not answer as NATS does' }
    const jsz = (await json(`${address}/jsz`)) as Jsz
    return {
      address,
      id,
      name: name === undefined || name === id ? new URL(address).host : name,
      version,
      now: Date.parse(varz.now ?? ''),
      askedAt,
      jetstream: read(varz, jsz),
    }
  } catch (error) {
    const { cause, message } = error as Error
    return { address, why: cause instanceof Error && cause.message ? cause.message : message }
  }
}

function read({ jetstream }: Varz, { meta_cluster: meta }: Jsz): MonitoredJetStream | undefined {
  const { config, stats } = jetstream ?? {}
  if (config?.store_dir === undefined) return undefined
  return {
    storeDir: config.store_dir,
    syncIntervalMs: config.sync_interval === undefined ? undefined : config.sync_interval / NANOS_PER_MS,
    syncAlways: config.sync_always === true,
    storage: { used: stats?.storage ?? 0, max: config.max_storage ?? 0 },
    meta: meta?.cluster_size
      ? {
          size: meta.cluster_size,
          leader: meta.leader || undefined,
          offline: (meta.replicas ?? []).filter(({ offline }) => offline).map(({ name = 'a server' }) => name),
        }
      : undefined,
  }
}

async function json(url: string): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
  if (!response.ok) throw new Error(`it answers ${response.status}`)
  return response.json()
}

/** The members of /varz and /jsz that are read here; older servers leave some out. */
interface Varz {
  readonly server_id?: string
  readonly server_name?: string
  readonly version?: string
  readonly now?: string
  readonly jetstream?: {
    readonly config?: {
      readonly store_dir?: string
      readonly max_storage?: number
      /** Nanoseconds. */
      readonly sync_interval?: number
      readonly sync_always?: boolean
    }
    readonly stats?: { readonly storage?: number }
  }
}

interface Jsz {
  readonly meta_cluster?: {
    readonly leader?: string
    readonly cluster_size?: number
    readonly replicas?: readonly { readonly name?: string; readonly offline?: boolean }[]
  }
}
