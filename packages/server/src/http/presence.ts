import { type Activity, formatPosition, type OpenStream, type Watcher } from '@switchboard/contract'
import { ADMIN_KEY_ID } from '../access/principal.js'
import type { Log } from '../log/log.js'
import type { ReadPresence } from '../transport/presence.js'
import type { OpenStreamFacts } from '../transport/sessions.js'
import { orderedPage } from './list-page.js'
import type { Handlers } from './route-types.js'

export interface PresenceDeps {
  readonly log: Pick<Log, 'bounds'>
  readonly read: ReadPresence
  readonly keyName: (keyId: string) => string | undefined
}

/** Who listens, and what went on. */
export function presenceHandlers(deps: PresenceDeps): Handlers<'listStreams' | 'listWatchers' | 'getActivity'> {
  const { log, read, keyName } = deps

  async function streamsOf(workspace: string, callSid: string | undefined): Promise<readonly OpenStreamFacts[]> {
    const { streams } = await read(workspace)
    return streams
      .filter((stream) => callSid === undefined || stream.callSid === callSid)
      .sort((a, b) => a.openedAt - b.openedAt || (a.connectionId < b.connectionId ? -1 : 1))
  }

  return {
    async listStreams({ params: { workspace_id: workspace }, query }) {
      const streams = await streamsOf(workspace, query.call_sid)
      // After the positions were read, so that no lag is negative for what came meanwhile. Once for a channel.
      const heads = new Map<string | null, number>()
      for (const { callSid } of streams) {
        if (heads.has(callSid)) continue
        const { newest } = await log.bounds(callSid === null ? { workspace } : { workspace, call: callSid })
        heads.set(callSid, newest.sequence)
      }
      const items = streams.map((stream) => openStream(stream, heads.get(stream.callSid) ?? 0, keyName))
      return orderedPage(
        items,
        keysOf(items, ({ opened_at }) => opened_at),
        query,
      )
    },

    async listWatchers({ params, query }) {
      const streams = await streamsOf(params.workspace_id, params.call_sid)
      const items = streams.map((stream) => watcher(stream, keyName))
      return orderedPage(
        items,
        keysOf(items, ({ since }) => since),
        query,
      )
    },

    async getActivity({ params }): Promise<Activity> {
      const { streams, counts } = await read(params.workspace_id)
      return {
        since: instant(counts.since),
        streams_open: streams.length,
        refusals: [...counts.refusals]
          .sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1))
          .map(({ code, count, lastAt }) => ({ code, count, last_at: instant(lastAt) })),
        published: counts.published,
      }
    },
  }
}

function openStream(stream: OpenStreamFacts, head: number, keyName: PresenceDeps['keyName']): OpenStream {
  const { connectionId, kind, callSid, keyId, credential, openedAt, position, types, masked } = stream
  return {
    connection_id: connectionId,
    kind,
    call_sid: callSid,
    key_id: keyId === ADMIN_KEY_ID ? null : keyId,
    key_name: keyName(keyId) ?? null,
    credential,
    opened_at: instant(openedAt),
    position: position && formatPosition(position),
    lag: position === null ? 0 : Math.max(0, head - position.sequence),
    types: types && [...types],
    masked,
  }
}

function watcher({ connectionId, keyId, ...stream }: OpenStreamFacts, keyName: PresenceDeps['keyName']): Watcher {
  return {
    connection_id: connectionId,
    name: keyId === ADMIN_KEY_ID ? 'admin key' : (keyName(keyId) ?? keyId),
    credential: stream.credential,
    since: instant(stream.openedAt),
    masked: stream.masked,
  }
}

/**
 * What to page by: when it was opened, then which it is. A client may give the same id to several connections, and a page
 * must still know where it ended.
 */
function keysOf<T extends { readonly connection_id: string }>(
  items: readonly T[],
  openedAt: (item: T) => string,
): (item: T) => string {
  const seen = new Map<string, number>()
  const keys = new Map<T, string>()
  for (const item of items) {
    const before = seen.get(item.connection_id) ?? 0
    seen.set(item.connection_id, before + 1)
    keys.set(item, `${openedAt(item)} ${item.connection_id} ${before}`)
  }
  return (item) => keys.get(item) ?? ''
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
