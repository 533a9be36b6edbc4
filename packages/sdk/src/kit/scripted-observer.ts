import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

/** What happens on one connection. */
export type Turn = (socket: WebSocket, request: IncomingMessage) => void | Promise<void>

/** A WebSocket server that plays the first turn to the first connection, and to later ones the last at the latest. */
export interface ScriptedObserver {
  readonly url: string
  /** The query of each connection, in order. */
  readonly queries: readonly string[]
  readonly paths: readonly string[]
  /** The subprotocols each connection offered. */
  readonly offered: readonly (readonly string[])[]
  close(): Promise<void>
}

/** @param refuse answers handshakes with this status until it gives undefined. */
export async function scriptedObserver(
  turns: readonly Turn[],
  refuse: (attempt: number) => number | undefined = () => undefined,
): Promise<ScriptedObserver> {
  const queries: string[] = []
  const paths: string[] = []
  const offered: string[][] = []
  let attempts = 0
  let turn = 0
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'auth' })
  const server = createServer()
  server.on('upgrade', (request, stream, head) => {
    const status = refuse(attempts)
    attempts += 1
    const url = new URL(request.url ?? '/', 'http://server')
    queries.push(url.search)
    paths.push(url.pathname)
    offered.push((request.headers['sec-websocket-protocol'] ?? '').split(/, */))
    if (status !== undefined) {
      stream.end(`HTTP/1.1 ${status} No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
      return
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      const play = turns[Math.min(turn, turns.length - 1)]
      turn += 1
      void play?.(socket, request)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    queries,
    paths,
    offered,
    close: async () => {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export const info = (id: string): object => ({
  type: 'session_info',
  call_sid: 'CA1',
  direction: 'inbound',
  service_id: 's',
  start_time: 1_763_788_800,
  duration_seconds: 1,
  current_state: 'greeting',
  id,
})

export const said = (sequence: number, transcript = `words ${sequence}`): object => ({
  id: `9-${sequence}`,
  type: 'user_transcript',
  transcript,
  state: '',
})

export function send(socket: WebSocket, ...frames: readonly object[]): void {
  for (const frame of frames) socket.send(JSON.stringify(frame))
}
