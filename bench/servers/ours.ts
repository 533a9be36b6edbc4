import type { Entrance, Route } from '../audience.js'
import { type NumberedEvent, SOURCES } from '../events.js'
import { Gateway } from '../gateway.js'
import type { Desk } from '../publisher.js'
import type { Stage } from '../stage.js'
import { eventPlace, type Needs, type Product, requestText, type Server } from './server.js'

const AT_A_TIME = 32
const ALL = ['events:read', 'events:write', 'calls:observe', 'calls:publish', 'pii:read']
const FIRST_OF_CALL = { type: 'agent_transcript', transcript: 'Harbor Clinic, how can I help?' }
const MASKED = ALL.filter((permission) => permission !== 'pii:read')

export interface OurNeeds extends Needs {
  /** Queries of subscribers, which take them in turn. */
  readonly queries?: readonly Query[]
  /** Whether subscribers may not see personal data. */
  readonly isMasked?: boolean
  /** Requests go round between so many data sources. Default: 1. */
  readonly sources?: number
}

export interface Query {
  readonly text: string
  /** What must come, of the lanes that there are. */
  readonly lanes: readonly number[]
}

/** Switchboard as it is served: credentials are checked, events validated, and on the disk before they are acknowledged. */
export const ours = {
  name: 'Switchboard',
  protocols: ['sse', 'websocket'],
  resumes: true,
  advice: '',
  version: async () => '',
  start,
} satisfies Product

async function start(stage: Stage, needs: OurNeeds): Promise<Server> {
  const gateway = await Gateway.start(stage, { name: 'gateway', isPinned: true })
  const { entrance, requests } = await (needs.protocol === 'sse' ? workspaces : calls)(gateway, needs)
  const desk: Desk = { port: gateway.port, requests, batch: needs.batch ?? 1, closesConnections: false }
  return { entrance, desk, pids: [gateway.pid], end: () => gateway.end() }
}

interface Doors {
  readonly entrance: Entrance
  readonly requests: readonly string[]
}

/** Each channel is a workspace. */
async function workspaces(gateway: Gateway, needs: OurNeeds): Promise<Doors> {
  const { channels = 1, queries, isMasked = false, event, batch = 1, sources = 1 } = needs
  const all: { readonly id: string; readonly writer: string; readonly reader: string }[] = []
  while (all.length < channels) {
    const count = Math.min(AT_A_TIME, channels - all.length)
    const made = Array.from({ length: count }, async (_, index) => {
      const place = all.length + index
      const id = place === 0 ? gateway.workspace : await gateway.makeWorkspace(`bench-${place}`)
      const writer = await gateway.makeKey(id, ALL)
      return { id, writer, reader: isMasked ? await gateway.makeKey(id, MASKED) : writer }
    })
    all.push(...(await Promise.all(made)))
  }
  const routes = all.flatMap(({ id, reader }): Route[] => {
    const path = `/v1/${id}/events/stream`
    const headers = [authorization(reader)]
    if (queries === undefined) return [{ path, headers }]
    return queries.map(({ text, lanes }) => ({ path: `${path}?${text}`, headers, lanes }))
  })
  return {
    entrance: { protocol: 'sse', ports: [gateway.port], routes, openMark: 'event: stream.opened' },
    requests: all.flatMap(({ id, writer }, place) =>
      Array.from({ length: sources }, (_, source) =>
        requestText(`/v1/${id}/events`, headersOf(writer), bodyOf(event, batch, place + source)),
      ),
    ),
  }
}

/** Each channel is a call. */
async function calls(gateway: Gateway, { channels = 1, event, batch = 1 }: OurNeeds): Promise<Doors> {
  const key = await gateway.makeKey(gateway.workspace, ALL)
  const sids = Array.from({ length: channels }, (_, index) => `CA${index.toString(16).padStart(32, '0')}`)
  const { workspace, port } = gateway
  // Its first event makes a call known, and nobody can observe it before.
  for (let from = 0; from < channels; from += AT_A_TIME) {
    const some = sids.slice(from, from + AT_A_TIME)
    await Promise.all(some.map((sid) => gateway.publish(`/v1/${workspace}/calls/${sid}/events`, FIRST_OF_CALL)))
  }
  return {
    entrance: {
      protocol: 'websocket',
      ports: [port],
      routes: sids.map((sid) => ({
        path: `/v1/${workspace}/observers/${sid}/ws`,
        headers: [authorization(key)],
      })),
      openMark: '"session_info"',
    },
    requests: sids.map((sid, index) =>
      requestText(`/v1/${workspace}/calls/${sid}/events`, headersOf(key), bodyOf(event, batch, index)),
    ),
  }
}

function authorization(key: string): string {
  return `authorization: Bearer ${key}`
}

function headersOf(key: string): readonly string[] {
  return [authorization(key), 'content-type: application/json']
}

function bodyOf(event: NumberedEvent, batch: number, source: number): string {
  if (batch === 1) return eventPlace(event, source)
  return `{"events":[${Array.from({ length: batch }, (_, index) => eventPlace(event, (source + index) % SOURCES)).join(',')}]}`
}
