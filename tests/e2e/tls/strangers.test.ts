import * as http2 from 'node:http2'
import { connect } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../../kit.js'
import { serve } from './site.js'

test('over TLS as well a flood of strangers drives out itself, and HTTP/2 with a key stays', async () => {
  const { server } = await serve({ SWITCHBOARD_MAX_STRANGERS_PER_ADDRESS: '20' })
  const session = http2.connect(server.url, { rejectUnauthorized: false })
  onTestFinished(() => session.destroy())
  session.on('error', () => {})
  let heard = ''
  const path = `/v1/${server.workspace}/events/stream`
  const stream = session.request({ ':path': path, ...server.headers() })
  stream.on('data', (bytes: Buffer) => {
    heard += bytes.toString()
  })
  await until('the stream', () => heard.includes('stream.opened') || undefined)
  let open = 0
  for (let count = 0; count < 60; count += 1) {
    const socket = connect({ host: '127.0.0.1', port: server.port, rejectUnauthorized: false })
    onTestFinished(() => void socket.destroy())
    open += 1
    socket
      .on('error', () => {})
      .once('close', () => {
        open -= 1
      })
  }
  await until('the flood to be cut', () => open <= 20 || undefined)
  expect([session.destroyed, stream.destroyed]).toEqual([false, false])
})
