import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import * as http2 from 'node:http2'
import { connect, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { EventStreamReader } from '@switchboard/sdk/sse'
import { onTestFinished } from 'vitest'
import { type CertificateOfTest, folderOfTest, makeCertificate } from '../../../packages/server/testing/certificates.js'
import { type Json, TestServer, until } from '../../kit.js'

export const CALL = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'
export const MiB = 1024 * 1024
/** What `serve` gives itself, and a bit. */
export const DRAIN_MS = 3000

export const sync = (count: number): Json => ({
  event_type: 'pipeline.sync_completed',
  data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05',
  event_count: count,
  duration_ms: 1,
})
export const started = (callSid: string): Json => ({
  event_type: 'call.started',
  call_sid: callSid,
  direction: 'inbound',
  service_id: '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01',
  caller_id: '+15550100',
})

export interface Site {
  readonly server: TestServer
  readonly files: CertificateOfTest
}

export async function serve(env: Readonly<Record<string, string>> = {}): Promise<Site> {
  const files = makeCertificate(folderOfTest(onTestFinished))
  const server = await TestServer.start({
    certificate: files,
    env: { SWITCHBOARD_DRAIN: `${DRAIN_MS}ms`, ...env },
  })
  return { server, files }
}

/** One HTTP/2 connection. */
export class Session {
  goaway: number | undefined
  readonly session: http2.ClientHttp2Session

  constructor(readonly site: Site) {
    this.session = http2.connect(site.server.url, { ca: readFileSync(site.files.cert) })
    this.session.on('error', () => {})
    this.session.on('goaway', (code) => {
      this.goaway = code
    })
    onTestFinished(() => this.session.destroy())
  }

  /** A workspace stream. */
  stream(headers: http2.OutgoingHttpHeaders = {}, query = ''): Stream {
    const { server } = this.site
    return new Stream(
      this.session.request({
        ':path': `/v1/${server.workspace}/events/stream${query}`,
        ...server.headers(),
        ...headers,
      }),
    )
  }

  async status(headers: http2.OutgoingHttpHeaders): Promise<number | undefined> {
    const request = this.session.request(headers)
    request.resume()
    const [answer] = (await once(request, 'response')) as [http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader]
    return answer[':status']
  }
}

/** What one stream of a session has received. */
export class Stream {
  headers: http2.IncomingHttpHeaders = {}
  text = ''
  ended = false
  readonly frames: { readonly type: string; readonly id: string; readonly data: Json }[] = []

  constructor(readonly request: http2.ClientHttp2Stream) {
    const reader = new EventStreamReader()
    request.on('error', () => {})
    request.on('response', (headers) => {
      this.headers = headers
    })
    request.on('end', () => {
      this.ended = true
    })
    request.on('data', (bytes: Buffer) => {
      // The text of a flood is of no interest.
      if (this.text.length < MiB) this.text += bytes.toString()
      for (const { type, lastEventId, data } of reader.push(bytes)) {
        this.frames.push({ type, id: lastEventId, data: JSON.parse(data) })
      }
    })
  }

  has(type: string, count = 1): Promise<true> {
    return until(
      `${count} of ${type}`,
      () => this.frames.filter((frame) => frame.type === type).length >= count || undefined,
      60_000,
    )
  }

  get counts(): unknown[] {
    return this.frames.filter(({ type }) => type === 'pipeline.sync_completed').map(({ data }) => data.event_count)
  }
}

export async function curl({ server, files }: Site, ...args: string[]): Promise<string> {
  const format = '\n%{http_version} %{response_code}'
  const { stdout } = await promisify(execFile)('curl', [
    ...['-sS', '--cacert', files.cert, '-w', format, '-H', `authorization: Bearer ${server.adminKey}`],
    ...args,
  ])
  return stdout.trim().split('\n').at(-1) ?? ''
}

/** The certificate that a new connection is shown, without its armour. */
export async function shown(port: number): Promise<string> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { raw } = socket.getPeerCertificate()
  socket.destroy()
  return raw.toString('base64')
}

export const inFile = (path: string): string => readFileSync(path, 'utf8').replace(/-----[^-]+-----|\s/g, '')
