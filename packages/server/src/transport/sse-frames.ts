import { formatPosition, type Position } from '@switchboard/contract'
import type { Gap } from '../fanout/gap.js'

/** Headers of the workspace stream. No `connection`: HTTP/2 forbids it, and HTTP/1.1 does the right thing without. */
export const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
} as const

/** What an EventSource waits before it reconnects, in milliseconds. The public SDK waits no less in any case. */
export const RETRY_MS = 3000

/** One frame that is no entry of the log. */
export function controlFrame(event: string, data: object, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

export function retryFrame(retryMs: number): string {
  return `retry: ${retryMs}\n\n`
}

/**
 * A gap carries the position to resume from beyond it. So a client that is cut off before this frame is told of the gap
 * again, one that is cut off after it is not, and none can move past a gap without having been told.
 */
export function gapFrame(gap: Gap, resumeFrom: Position | undefined): string {
  return controlFrame('stream.gap', gap, resumeFrom && formatPosition(resumeFrom))
}

/** A comment, and, when a filtered stream's position has moved, that position. */
export function heartbeatFrame(unixSeconds: number, position: Position | undefined): string {
  return `: heartbeat ${unixSeconds}\n${position ? `id: ${formatPosition(position)}\n` : ''}\n`
}
