/** What a node's monitoring says of JetStream. */
export interface JetStreamView {
  /** Why it cannot be used, in the node's own words; undefined when all is well. */
  readonly trouble: string | undefined
  /** Who leads the cluster, by its name; undefined when nobody does, or there is no cluster. */
  readonly leader: string | undefined
  /** Names of the others that keep up with it, which only the leader knows. */
  readonly current: readonly string[]
  /** Streams that the node has a copy of. */
  readonly streams: readonly StreamView[]
}

/** A stream as one node sees it. */
export interface StreamView {
  readonly name: string
  /** How many messages the node's own copy has. */
  readonly messages: number
  /** What they take of its disk. */
  readonly bytes: number
  /**
   * Undefined when nobody leads it, or there is no cluster. A node that has only just started names itself: only what
   * all say is so.
   */
  readonly leader: string | undefined
}

/** A node that answers on the same machine does so at once. */
const ANSWER_MS_MAX = 2000

interface Health {
  readonly status?: string
  readonly error?: string
}

interface JetStreamInfo {
  readonly meta_cluster?: {
    readonly leader?: string
    readonly replicas?: readonly { readonly name: string; readonly current?: boolean; readonly offline?: boolean }[]
  }
  readonly account_details?: readonly { readonly stream_detail?: readonly StreamDetail[] }[]
}

interface StreamDetail {
  readonly name: string
  readonly state?: { readonly messages?: number; readonly bytes?: number }
  readonly cluster?: { readonly leader?: string }
}

/** Undefined when the node does not answer. */
export async function jetStreamView(monitorUrl: string): Promise<JetStreamView | undefined> {
  const info = await ask<JetStreamInfo>(`${monitorUrl}/jsz?streams=1&accounts=1`)
  if (info === undefined) return undefined
  const { meta_cluster: cluster, account_details: accounts = [] } = info
  const streams = accounts.flatMap(({ stream_detail = [] }) => stream_detail).map(streamView)
  // Asked about its health it would say the same, and write a warning in its log, each time.
  if (cluster !== undefined && !cluster.leader) {
    return { trouble: 'nobody leads', leader: undefined, current: [], streams }
  }
  const health = await ask<Health>(`${monitorUrl}/healthz`)
  if (health === undefined) return undefined
  const { leader, replicas = [] } = cluster ?? {}
  return {
    trouble: health.status === 'ok' ? undefined : (health.error ?? health.status ?? 'it does not say'),
    leader,
    current: replicas.filter(({ current, offline }) => current === true && offline !== true).map(({ name }) => name),
    streams,
  }
}

function streamView({ name, state, cluster }: StreamDetail): StreamView {
  // A node that knows of no leader says so with an empty name.
  return { name, messages: state?.messages ?? 0, bytes: state?.bytes ?? 0, leader: cluster?.leader || undefined }
}

/** Undefined when nothing answers. A node that is not well answers 503, with JSON as well. */
export async function ask<T>(url: string): Promise<T | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
    return (await answer.json()) as T
  } catch {
    return undefined
  }
}

/** The leader that all views of a stream agree on; undefined when they do not, or there is no view. */
export function agreedLeader(views: readonly StreamView[]): string | undefined {
  const leaders = new Set(views.map(({ leader }) => leader))
  return leaders.size === 1 ? views[0]?.leader : undefined
}
