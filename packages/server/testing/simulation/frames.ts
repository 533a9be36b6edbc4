import type { JsonObject } from '@switchboard/contract'

/** What a subscriber is told, whichever protocol brought it. */
export type Heard =
  | { readonly kind: 'opened'; readonly id: string; readonly resumed: boolean | undefined }
  | { readonly kind: 'gap'; readonly gap: JsonObject; readonly id: string | undefined }
  /** `frame` as it stands in the log. */
  | { readonly kind: 'entry'; readonly id: string; readonly frame: Buffer }
  | { readonly kind: 'beat'; readonly id: string | undefined }
  | { readonly kind: 'error'; readonly code: string }

/** Cuts what arrives, in whatever pieces, into frames. */
export interface FrameReader {
  take(bytes: Buffer): readonly Heard[]
}

const FRAME_END = Buffer.from('\n\n')

/** Server-sent events. */
export class SseReader implements FrameReader {
  #rest: Buffer = Buffer.alloc(0)

  take(bytes: Buffer): readonly Heard[] {
    this.#rest = Buffer.concat([this.#rest, bytes])
    const heard: Heard[] = []
    for (let end = this.#rest.indexOf(FRAME_END); end >= 0; end = this.#rest.indexOf(FRAME_END)) {
      const frame = this.#rest.subarray(0, end + FRAME_END.length)
      this.#rest = this.#rest.subarray(frame.length)
      const meaning = meaningOf(frame)
      if (meaning) heard.push(meaning)
    }
    return heard
  }
}

function meaningOf(frame: Buffer): Heard | undefined {
  const fields = new Map(
    frame
      .toString()
      .split('\n')
      .map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon), line.slice(colon + 2)]
      }),
  )
  const id = fields.get('id')
  const data = () => JSON.parse(fields.get('data') ?? '') as JsonObject
  switch (fields.get('event')) {
    case undefined:
      return fields.has('retry') ? undefined : { kind: 'beat', id }
    case 'stream.opened':
      return { kind: 'opened', id: id ?? '', resumed: data().resumed === true }
    case 'stream.gap':
      return { kind: 'gap', gap: data(), id }
    case 'error':
      return { kind: 'error', code: String(data().code) }
    default:
      return { kind: 'entry', id: id ?? '', frame }
  }
}

/** WebSocket text messages, none of them in fragments. */
export class MessageReader implements FrameReader {
  #rest: Buffer = Buffer.alloc(0)

  take(bytes: Buffer): readonly Heard[] {
    this.#rest = Buffer.concat([this.#rest, bytes])
    const heard: Heard[] = []
    for (let payload = this.#next(); payload !== undefined; payload = this.#next()) {
      const message = JSON.parse(payload.toString()) as JsonObject
      const id = message.id === undefined ? undefined : String(message.id)
      if (message.type === undefined) heard.push({ kind: 'beat', id: undefined })
      else if (message.type === 'session_info') heard.push({ kind: 'opened', id: id ?? '', resumed: undefined })
      else if (message.type === 'stream.gap') heard.push({ kind: 'gap', gap: message, id })
      else if (message.type === 'session_live' || isMadeEnd(message)) heard.push({ kind: 'beat', id })
      else heard.push({ kind: 'entry', id: id ?? '', frame: payload })
    }
    return heard
  }

  #next(): Buffer | undefined {
    const rest = this.#rest
    const short = rest.length < 2 ? 0 : (rest[1] as number)
    const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10
    if (rest.length < headerBytes) return undefined
    const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : rest.readUInt32BE(6)
    if (rest.length < headerBytes + length) return undefined
    this.#rest = rest.subarray(headerBytes + length)
    return rest.subarray(headerBytes, headerBytes + length)
  }
}

/** The end of a call that the server itself tells a latecomer of: a producer's names its session here. */
function isMadeEnd({ type, session_id }: JsonObject): boolean {
  return type === 'session_end' && session_id === undefined
}
