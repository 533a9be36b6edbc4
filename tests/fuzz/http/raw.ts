import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  /** Names in small letters; of a name that comes twice, both values. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: Buffer
  readonly ms: number
  /** True when it was a stream, of which only the beginning was read. */
  readonly cut: boolean
}

const ANSWER_MS_MAX = 30_000

/**
 * Sends bytes as they are over a connection of its own, and reads what comes until the server ends it: no client in between that
 * would put anything right. Undefined when the connection ended without a word.
 */
export function exchange(port: number, request: Buffer): Promise<RawAnswer | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const started = performance.now()
    let received = Buffer.alloc(0)
    const timer = setTimeout(() => end(new Error(`no end of the answer in ${ANSWER_MS_MAX} ms`)), ANSWER_MS_MAX)
    function end(error?: Error): void {
      clearTimeout(timer)
      socket.destroy()
      if (error !== undefined) {
        reject(error)
        return
      }
      try {
        resolve(parse(received, performance.now() - started))
      } catch (fault) {
        reject(fault as Error)
      }
    }
    socket.on('connect', () => socket.write(request))
    socket.on('data', (bytes) => {
      received = received.length === 0 ? bytes : Buffer.concat([received, bytes])
      if (isComplete(received, request)) end()
    })
    socket.on('error', () => end())
    socket.on('close', () => end())
  })
}

function headOf(received: Buffer): string | undefined {
  const end = received.indexOf('\r\n\r\n')
  return end < 0 ? undefined : received.toString('latin1', 0, end)
}

/** Streams have no end: their head and a first frame are enough. Whatever tells its length ends with it. */
function isComplete(received: Buffer, request: Buffer): boolean {
  const head = headOf(received)
  if (head === undefined) return false
  const behind = received.length - head.length - 4
  if (/^content-type: text\/event-stream/im.test(head)) return behind > 0 || isHead(request)
  const length = /^content-length: (\d+)/im.exec(head)?.[1]
  if (isHead(request) || /^HTTP\/1\.1 (204|304)/.test(head)) return true
  return length !== undefined && behind >= Number(length)
}

const isHead = (request: Buffer): boolean => request.toString('latin1', 0, 5) === 'HEAD '

function parse(received: Buffer, ms: number): RawAnswer | undefined {
  if (received.length === 0) return undefined
  const head = headOf(received)
  const match = /^HTTP\/1\.1 (\d{3}) [^\r\n]*/.exec(head ?? '')
  if (head === undefined || match === null)
    throw new Error(`this is no HTTP: ${JSON.stringify(received.toString('latin1', 0, 200))}`)
  const headers = new Map<string, string[]>()
  for (const line of head.split('\r\n').slice(1)) {
    const [, name = '', value = ''] = /^([\w-]+): ?(.*)$/.exec(line) ?? []
    if (name === '' || /[^\x20-\x7e]/.test(value))
      throw new Error(`this is no header: ${JSON.stringify(line.slice(0, 200))}`)
    headers.set(name.toLowerCase(), [...(headers.get(name.toLowerCase()) ?? []), value])
  }
  const rest = received.subarray(head.length + 4)
  const isChunked = headers.get('transfer-encoding')?.includes('chunked') === true
  const cut = headers.get('content-type')?.[0]?.startsWith('text/event-stream') === true
  return { status: Number(match[1]), headers, body: isChunked && !cut ? joined(rest) : rest, ms, cut }
}

function joined(chunked: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; ; ) {
    const end = chunked.indexOf('\r\n', at)
    const length = Number.parseInt(chunked.toString('latin1', at, end), 16)
    if (end < 0 || Number.isNaN(length)) throw new Error('the chunks of an answer do not end as they should')
    if (length === 0) return Buffer.concat(pieces)
    pieces.push(chunked.subarray(end + 2, end + 2 + length))
    at = end + 2 + length + 2
  }
}
