import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createDetacher } from '../transport/detached.js'
import { routeUpgrades } from './upgrades.js'

/** A server that answers what it was asked, and what it gave to `observe`. */
async function open(): Promise<{ port: number; observed: string[] }> {
  const observed: string[] = []
  const server: Server = createServer((request, response) => {
    const { method, url, headers } = request
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { upgrade, connection, 'x-mark': mark } = headers
      response.end(JSON.stringify({ method, url, upgrade, connection, mark, body: Buffer.concat(pieces).toString() }))
    })
  })
  routeUpgrades(
    server,
    (request, socket) => {
      observed.push(String(request.url))
      socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
    },
    createDetacher(),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, observed }
}

/** Sends a text and reads until `done` is in what comes back. */
async function exchange(port: number, sent: readonly string[], done: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  for (const piece of sent) socket.write(piece)
  for await (const bytes of socket) {
    text += String(bytes)
    if (text.includes(done)) return text
  }
  return text
}

test('a WebSocket handshake is given to who observes', async () => {
  const { port, observed } = await open()
  const head = 'GET /one HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n'
  expect(await exchange(port, [head], '101')).toMatch(/^HTTP\/1\.1 101 /)
  expect(observed).toEqual(['/one'])
})

test.each([
  ['with its body in the same packet', ['{"a":1}']],
  ['with its body later', ['', '{"a"', ':1}']],
])('an offer of another protocol is a request like any other, %s', async (_, body) => {
  const { port, observed } = await open()
  const head =
    'POST /two?three HTTP/1.1\r\nHost: x\r\nX-Mark: \u00e9\r\nConnection: Upgrade, HTTP2-Settings, keep-alive\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\nContent-Length: 7\r\n\r\n'
  const [first = '', ...later] = body
  const text = await exchange(port, [head + first, ...later], '}"}')
  expect(text).toMatch(/^HTTP\/1\.1 200 /)
  expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toEqual({
    method: 'POST',
    url: '/two?three',
    connection: 'keep-alive',
    mark: Buffer.from('\u00e9').toString('latin1'),
    body: '{"a":1}',
  })
  expect(observed).toEqual([])
})
