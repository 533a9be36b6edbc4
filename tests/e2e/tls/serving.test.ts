import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, renameSync } from 'node:fs'
import * as http2 from 'node:http2'
import { connect as connectPlain } from 'node:net'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { folderOfTest, makeCertificate } from '../../../packages/server/testing/certificates.js'
import { bin, until } from '../../kit.js'
import { CALL, curl, DRAIN_MS, inFile, MiB, Session, serve, shown, started, sync } from './site.js'

describe('a server with a certificate', () => {
  test('speaks HTTP/2 to who asks for it, HTTP/1.1 to everybody else, and TLS to all', async () => {
    const site = await serve()
    const { server, files } = site
    const url = `${server.url}/v1/workspaces`
    expect(await curl(site, '--http2', url)).toBe('2 200')
    expect(await curl(site, '--http1.1', url)).toBe('1.1 200')
    expect(await curl(site, '--no-alpn', url)).toBe('1.1 200')
    // An offer that is not taken is no reason not to answer.
    const offer = ['-H', 'connection: upgrade', '-H', 'upgrade: h2c']
    expect(await curl(site, '--http1.1', ...offer, url)).toBe('1.1 200')
    expect(await curl(site, '--http2', '-I', `${server.url}/v1/${server.workspace}/events/stream`)).toBe('2 200')
    await expect(curl(site, url.replace('https', 'http'))).rejects.toThrow()
    const old = connect({
      ...{ host: 'localhost', port: server.port, ca: readFileSync(files.cert) },
      ...{ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    })
    expect((await once(old, 'error'))[0]).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' })
    // What stands before TLS is cut off, and harms nobody.
    const socket = connectPlain(server.port, '127.0.0.1').on('error', () => {})
    socket.end('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n').resume()
    await once(socket, 'close')
    expect(await curl(site, '--http2', url)).toBe('2 200')
    expect(server.output).not.toMatch(/"level"|Warning/)
  })

  test('answers over HTTP/2 as over HTTP/1.1: refusals, bodies, problems', async () => {
    const { session, site, status } = await serve().then((made) => {
      const opened = new Session(made)
      return {
        session: opened.session,
        site: made,
        status: (headers: http2.OutgoingHttpHeaders) => opened.status(headers),
      }
    })
    const { server } = site
    const stream = `/v1/${server.workspace}/events/stream`
    expect(await status({ ':path': stream })).toBe(401)
    expect(await status({ ':path': stream, authorization: 'Bearer sb_wrong' })).toBe(401)
    expect(await status({ ':path': `${stream}?types=nonsense`, ...server.headers() })).toBe(400)
    expect(await status({ ':path': `/v1/${server.workspace}/observers/${CALL}/ws`, ...server.headers() })).toBe(400)
    expect(await status({ ':path': '/nowhere' })).toBe(404)
    expect(await status({ ':method': 'CONNECT', ':authority': 'example.com:443' })).toBe(405)
    const publish = (body: string) => {
      const headers = { ...server.headers(), 'content-type': 'application/json' }
      const request = session.request({ ':method': 'POST', ':path': `/v1/${server.workspace}/events`, ...headers })
      request.on('error', () => {})
      request.end(body)
      return once(request, 'response').then(([answer]) => answer[':status'])
    }
    expect(await publish(JSON.stringify(sync(1)))).toBe(201)
    expect(await publish('x'.repeat(6 * MiB))).toBe(413)
    expect(await status({ ':path': '/healthz' })).toBe(200)
    expect(server.output).not.toMatch(/"level"|Warning/)
  })

  test('carries the workspace stream over HTTP/2: resume, heartbeats, revocation', async () => {
    const site = await serve({ SWITCHBOARD_HEARTBEAT: '200ms' })
    const { server } = site
    const { key_id, api_key } = await server.key(['events:read', 'pii:read'])
    const session = new Session(site)
    const stream = session.stream({ authorization: `Bearer ${api_key}` })
    await stream.has('stream.opened')
    expect(stream.headers).toMatchObject({
      ':status': 200,
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-content-type-options': 'nosniff',
    })
    for (const forbidden of ['connection', 'keep-alive', 'transfer-encoding', 'upgrade']) {
      expect(stream.headers).not.toHaveProperty(forbidden)
    }
    const ids = await server.publish([sync(1), sync(2), sync(3)])
    await stream.has('pipeline.sync_completed', 3)
    expect(stream.counts).toEqual([1, 2, 3])
    const resumed = session.stream({ 'last-event-id': ids[0] })
    await resumed.has('pipeline.sync_completed', 2)
    expect(resumed.counts).toEqual([2, 3])
    await until('heartbeats', () => stream.text.includes(': heartbeat') || undefined)
    await server.request('DELETE', `/v1/${server.workspace}/api-keys/${key_id}`)
    await until('the end', () => stream.ended || undefined)
    expect(stream.frames.at(-1)).toMatchObject({ type: 'error', data: { code: 'credential_revoked' } })
    expect(resumed.ended).toBe(false)
    resumed.request.close()
    await server.streamsOpen('workspace', 0)
  })

  test('knows that a stream is over which its client closes, without an error, in the middle of a write', async () => {
    const site = await serve()
    const { server } = site
    const stream = new Session(site).stream()
    await stream.has('stream.opened')
    stream.request.pause()
    // More than HTTP/2 lets a server send to who does not read.
    const long = { event_type: 'pipeline.error', data_source_id: 'a', error: 'x'.repeat(8000) }
    await server.publish(Array.from({ length: 40 }, () => long))
    await until('a part to come', () => stream.request.readableLength > 0 || undefined)
    stream.request.close(http2.constants.NGHTTP2_NO_ERROR)
    await server.streamsOpen('workspace', 0)
  })

  test('gives nothing to a stream that does not read until it does, while others on its connection go on', async () => {
    const site = await serve()
    const { server } = site
    const reading = new Session(site).stream({}, '?types=pipeline.sync_completed')
    const session = new Session(site)
    const silent = Array.from({ length: 20 }, () => session.stream())
    await server.streamsOpen('workspace', 21)
    for (const { request } of silent) request.pause()
    const before = server.residentBytes()
    const long = { event_type: 'pipeline.error', data_source_id: 'a', error: 'x'.repeat(8000) }
    for (let batch = 0; batch < 10; batch++) await server.publish(Array.from({ length: 300 }, () => long))
    await server.publish([sync(1)])
    await reading.has('pipeline.sync_completed')
    const grown = (server.residentBytes() - before) / MiB
    console.log(`20 silent streams, 23 MiB for each: the server has grown by ${grown.toFixed(0)} MiB`)
    // All of it for all of them would be 460 MiB.
    expect(grown).toBeLessThan(200)
    for (const { request } of silent) request.resume()
    await Promise.all(silent.map((stream) => stream.has('pipeline.sync_completed')))
    for (const stream of silent) {
      expect(stream.frames.filter(({ type }) => type === 'pipeline.error')).toHaveLength(3000)
    }
  })

  test('serves the command line and the SDK in it over HTTPS, and an observer on the same port', async () => {
    const site = await serve()
    const { server, files } = site
    await server.publish([started(CALL)])
    const run = (...args: string[]) => {
      const child = spawn(process.execPath, [bin, ...args, '--json'], { env: server.clientEnv })
      onTestFinished(() => void child.kill('SIGKILL'))
      let text = ''
      for (const pipe of [child.stdout, child.stderr]) pipe.on('data', (bytes) => (text += bytes))
      return () => text
    }
    const [tail, observe] = [run('tail', '--types', 'pipeline.*'), run('observe', CALL)]
    const socket = new WebSocket(
      `wss://localhost:${server.port}/v1/${server.workspace}/observers/${CALL}/ws`,
      ['auth', server.adminKey],
      { ca: readFileSync(files.cert) },
    )
    onTestFinished(() => socket.terminate())
    let heard = ''
    socket.on('message', (bytes) => (heard += String(bytes)))
    await server.streamsOpen('workspace', 1)
    await server.streamsOpen('observer', 2)
    await server.publish([sync(7)])
    await server.publish([{ type: 'user_transcript', transcript: 'Grüße aus Köln' }], CALL)
    await until(
      'all of it',
      () => (tail().includes('"event_count":7') && observe().includes('Köln') && heard.includes('Köln')) || undefined,
    )

    const { NODE_EXTRA_CA_CERTS: _, ...stranger } = server.clientEnv
    const failed = await promisify(execFile)(process.execPath, [bin, 'tail'], { env: stranger }).catch((error) => error)
    expect(failed.stderr).toMatch(/its certificate is signed by nobody that is known here.*\n.*NODE_EXTRA_CA_CERTS/)
  })

  test('says goodbye on each stream when it stops, then GOAWAY, and ends', async () => {
    const site = await serve()
    const { server, files } = site
    const [busy, idle] = [new Session(site), new Session(site)]
    const streams = [busy.stream(), busy.stream()]
    for (const stream of streams) await stream.has('stream.opened')
    expect(await idle.status({ ':path': '/healthz' })).toBe(200)
    // Connections that have not said anything yet, in the middle of TLS and after it.
    const mute = connectPlain(server.port, '127.0.0.1').on('error', () => {})
    const early = connect({ host: 'localhost', port: server.port, ca: readFileSync(files.cert) }).on('error', () => {})
    await once(early, 'secureConnect')
    // An HTTP/2 client that has asked for nothing, and does not close its side when the server does.
    const stubborn = connect({
      ...{ host: 'localhost', port: server.port, ca: readFileSync(files.cert) },
      ...{ ALPNProtocols: ['h2'], allowHalfOpen: true },
    })
    onTestFinished(() => void stubborn.destroy())
    stubborn.on('error', () => {}).resume()
    stubborn.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0')
    await once(stubborn, 'data')
    onTestFinished(() => void mute.destroy())
    const began = performance.now()
    await server.kill('SIGTERM')
    const took = performance.now() - began
    expect(server.exitCode).toBe(0)
    expect(took).toBeLessThan(DRAIN_MS)
    for (const { text, ended, frames } of streams) {
      expect(text).toMatch(/retry: \d+\n\nevent: error\n/)
      expect(frames.at(-1)).toMatchObject({ data: { code: 'server_draining' } })
      expect(ended).toBe(true)
    }
    for (const session of [busy, idle]) {
      await until('GOAWAY', () => session.goaway !== undefined || undefined)
      expect(session.goaway).toBe(http2.constants.NGHTTP2_NO_ERROR)
    }
  })

  test('bounds what one HTTP/2 connection may ask for', async () => {
    const site = await serve()
    const { server } = site
    const opened = new Session(site)
    const [settings] = (await once(opened.session, 'remoteSettings')) as [http2.Settings]
    expect(settings.maxConcurrentStreams).toBe(256)
    for (let count = 0; count < 300; count++) opened.stream()
    await server.streamsOpen('workspace', 256)
    opened.session.destroy()
    await server.streamsOpen('workspace', 0)

    const wordy = new Session(site).session
    // Limits hold once a client has heard of them; until then Node's own do.
    await once(wordy, 'remoteSettings')
    const long = wordy.request({ ':path': '/healthz', 'x-long': 'x'.repeat(20_000) })
    const [error] = await once(long, 'error')
    // Node's OnHeaderCallback (node_http2.cc) asks for the first of these resets, later when a write is under way, and
    // tells nghttp2 that the header was not taken, for which that asks for the second: a client hears of whichever is first.
    expect(error.message).toMatch(/NGHTTP2_(ENHANCE_YOUR_CALM|INTERNAL_ERROR)/)

    const { session } = new Session(site)
    await until('a connection that resets what it asks for to be ended', () => {
      for (let count = 0; count < 100 && !session.closed && !session.destroyed; count++) {
        session
          .request({ ':path': '/healthz' })
          .on('error', () => {})
          .close(http2.constants.NGHTTP2_CANCEL)
      }
      return session.destroyed || undefined
    })
    expect(await new Session(site).status({ ':path': '/healthz' })).toBe(200)
  })

  test('takes a renewed certificate for new connections, and stays with it when the next cannot be served', async () => {
    const site = await serve({ SWITCHBOARD_LOG_LEVEL: 'info' })
    const { server, files } = site
    const stream = new Session(site).stream()
    await stream.has('stream.opened')
    expect(await shown(server.port)).toBe(inFile(files.cert))
    const next = makeCertificate(folderOfTest(onTestFinished))
    const expected = inFile(next.cert)
    for (const name of ['cert', 'key'] as const) renameSync(next[name], files[name])
    await until('the new one', async () => (await shown(server.port)) === expected || undefined)

    const foreign = makeCertificate(folderOfTest(onTestFinished))
    renameSync(foreign.cert, files.cert)
    await until('a word on it', () => server.output.includes('the one before it stays') || undefined)
    expect(server.output.match(/the one before it stays/g)).toHaveLength(1)
    expect(await shown(server.port)).toBe(expected)
    // The stream that was open all the while goes on.
    expect(stream.ended).toBe(false)
  })
})
