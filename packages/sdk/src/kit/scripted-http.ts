import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** One request as it arrived. */
export interface Seen {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Whatever it returns is awaited. */
export type Answer = (response: ServerResponse, seen: Seen) => unknown

/** An HTTP server that answers the first request with the first answer, and every later one with the last at the latest. */
export interface ScriptedHttp {
  readonly url: string
  readonly seen: readonly Seen[]
  /** Resolves once that many requests have arrived. */
  arrived(count: number): Promise<void>
  /** Resolves once no answer is under way. */
  idle(): Promise<void>
  /** Cuts every connection. */
  cutAll(): void
  close(): Promise<void>
}

export async function scriptedHttp(...answers: readonly Answer[]): Promise<ScriptedHttp> {
  const seen: Seen[] = []
  const sockets = new Set<Socket>()
  let answering = 0
  const waiting: (() => void)[] = []
  const changed = (): void => {
    for (const wake of waiting.splice(0)) wake()
  }
  const until = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) await new Promise<void>((resolve) => waiting.push(resolve))
  }
  const server = createServer(async (request, response) => {
    answering += 1
    response.on('close', () => {
      answering -= 1
      changed()
    })
    let body = ''
    for await (const chunk of request) body += chunk
    const at: Seen = {
      method: request.method ?? '',
      url: new URL(request.url ?? '/', 'http://server'),
      headers: request.headers,
      body,
    }
    const answer = answers[Math.min(seen.length, answers.length - 1)]
    seen.push(at)
    changed()
    await answer?.(response, at)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    arrived: (count) => until(() => seen.length >= count),
    idle: () => until(() => answering === 0),
    cutAll: () => {
      for (const socket of sockets) socket.destroy()
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Begins an event stream and writes the blocks. */
export function stream(response: ServerResponse, ...blocks: readonly string[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const block of blocks) response.write(block)
}

/** Writes, and cuts the wire once the bytes are out of this process: no end of the response is sent. */
export function thenCut(response: ServerResponse, text: string): void {
  response.write(text, () => response.socket?.end())
}

/** A problem answer. */
export function problem(status: number, code: string, more: object = {}, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/problem+json', 'x-request-id': 'req-1', ...headers })
    response.end(JSON.stringify({ type: 'x', title: 'T', status, detail: 'D', code, request_id: 'req-1', ...more }))
  }
}

export const opened = (id: string, resumed = false): string =>
  `retry: 3000\n\nid: ${id}\nevent: stream.opened\ndata: {"code":"ok","connection_id":"c","max_streams_per_workspace":1000,"resumed":${resumed}}\n\n`

/** A `call.started` at `<time>-<sequence>`. */
export const started = (sequence: number, time = 1_763_788_800_000 + sequence): string =>
  block(`${time}-${sequence}`, {
    event_type: 'call.started',
    call_sid: `CA${sequence}`,
    direction: 'inbound',
    service_id: 's',
  })

export const block = (id: string, event: { readonly event_type: string; readonly [field: string]: unknown }): string =>
  `id: ${id}\nevent: ${event.event_type}\ndata: ${JSON.stringify(event)}\n\n`

export const errorFrame = (code: string, more: object = {}): string =>
  `event: error\ndata: ${JSON.stringify({ code, message: 'M', ...more })}\n\n`
