import { type ClientOptions, WebSocket } from 'ws'
import type { CallFacts } from './observer-frames.js'
import { type TestServer, until, WORKSPACE } from './server.test-kit.js'

export const SID = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'
export const channel = { workspace: WORKSPACE, call: SID }

export type Message = Record<string, unknown>

export class Client {
  readonly messages: Message[] = []
  readonly raw: string[] = []
  closed: { readonly code: number; readonly reason: string } | undefined
  headers: Record<string, string | string[] | undefined> = {}
  pings = 0

  constructor(readonly ws: WebSocket) {
    ws.on('message', (data) => {
      this.raw.push(String(data))
      this.messages.push(JSON.parse(String(data)))
    })
    ws.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) }
    })
    ws.on('upgrade', ({ headers }) => {
      this.headers = headers
    })
    ws.on('ping', () => {
      this.pings += 1
    })
    ws.on('error', () => {})
  }

  get types(): unknown[] {
    return this.messages.map(({ type }) => type)
  }

  get texts(): unknown[] {
    return this.messages.filter(({ type }) => type === 'user_transcript').map(({ transcript }) => transcript)
  }
}

export interface ObserveOptions extends ClientOptions {
  readonly protocols?: string[]
  readonly path?: string
}

export function connect(server: TestServer, query = '', options: ObserveOptions = {}): Client {
  const { protocols = ['auth', 'all'], path = `/v1/${WORKSPACE}/observers/${SID}/ws`, ...rest } = options
  return new Client(new WebSocket(`ws://127.0.0.1:${server.port}${path}${query}`, protocols, rest))
}

export async function observe(server: TestServer, query = '', options: ObserveOptions = {}): Promise<Client> {
  const client = connect(server, query, options)
  await until(() => client.messages.length > 0 || client.closed !== undefined)
  await until(() => client.closed !== undefined || server.fanout.stats().cursorsBehind === 0)
  return client
}

export const active: CallFacts = {
  direction: 'inbound',
  callerId: '+15550142',
  serviceId: 'desk',
  startedAt: 1_763_788_800_000 - 12_500,
  endedAt: null,
  durationSeconds: null,
  completionReason: null,
  currentState: 'greeting',
}

export async function withCall(server: TestServer, facts: Partial<CallFacts> = {}): Promise<void> {
  server.calls.set(SID, { ...active, ...facts })
}

export async function say(server: TestServer, ...texts: string[]): Promise<void> {
  await server.log.append(
    channel,
    texts.map((transcript) => ({
      type: 'user_transcript',
      event: { type: 'user_transcript', transcript, state: 'greeting', speaker_id: 's', speaker_role: 'caller' },
    })),
  )
}

export async function producerEnds(server: TestServer): Promise<void> {
  await server.log.append(channel, [
    { type: 'session_end', event: { type: 'session_end', completion_reason: 'said by the producer' } },
  ])
}

export async function callEnds(server: TestServer): Promise<void> {
  const endedAt = server.clock.now()
  server.log.time = endedAt
  server.calls.set(SID, { ...active, endedAt, durationSeconds: 61, completionReason: 'completed', currentState: 'bye' })
  await server.log.append({ workspace: WORKSPACE }, [
    { type: 'call.ended', event: { event_type: 'call.ended', call_sid: SID, completion_reason: 'completed' } },
  ])
}
