import { createHash } from 'node:crypto'
import { get } from 'node:http'
import type { Gateway } from './gateway.js'

/** A replay that stands still for this long does not go on. */
const SILENT_MS_MAX = 30_000

export interface Replayed {
  /** Each event's number and id, in the order in which they came. */
  readonly numbers: readonly number[]
  readonly ids: readonly string[]
  /** Of all bytes of events. */
  readonly digest: string
  readonly bytes: number
}

/** Reads a workspace from its first event to the `count`th. @throws Error when they do not come. */
export function replay(gateway: Gateway, count: number): Promise<Replayed> {
  const { port, workspace, key } = gateway
  return new Promise((resolve, reject) => {
    const numbers: number[] = []
    const ids: string[] = []
    const hash = createHash('sha256')
    let bytes = 0
    let text = ''
    const request = get(
      `http://127.0.0.1:${port}/v1/${workspace}/events/stream?last_event_id=0`,
      { headers: { authorization: `Bearer ${key}` } },
      (answer) => {
        answer.setEncoding('latin1').on('data', (more: string) => {
          text += more
          const end = text.lastIndexOf('\n\n')
          if (end < 0) return
          for (const [frame, id = '', number] of text.slice(0, end + 2).matchAll(FRAME)) {
            if (numbers.length === count) continue
            numbers.push(Number(number))
            ids.push(id)
            bytes += frame.length
            hash.update(frame, 'latin1')
          }
          text = text.slice(end + 2)
          if (numbers.length < count) return
          request.destroy()
          resolve({ numbers, ids, bytes, digest: hash.digest('hex') })
        })
      },
    )
    request.setTimeout(SILENT_MS_MAX, () => request.destroy(new Error('the replay stands still')))
    request.on('error', (error) => reject(new Error(`${numbers.length} of ${count} events came: ${error.message}`)))
  })
}

const FRAME = /id: (\d+-\d+)\nevent: pipeline\.sync_completed\ndata: .*?"event_count":(\d+),.*?\n\n/g
