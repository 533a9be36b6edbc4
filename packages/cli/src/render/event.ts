import type { JsonObject } from '@switchboard/contract'
import { parsePosition } from '@switchboard/contract/core'
import type { Gap } from '@switchboard/sdk'
import { familyColour, type Palette } from './palette.js'
import { type IdStyle, sentence } from './sentence.js'
import { clean, clockTime, jsonLine } from './text.js'

/** Wide enough for every type of the seed, so that sentences begin in one column. */
const TYPE_CHARS = 24

/** An event with the position it was read at. */
export interface Placed {
  readonly id: string
  readonly event: JsonObject
}

/** Unix ms of a position; undefined when it holds none. */
export function timeOf(position: string): number | undefined {
  return parsePosition(position)?.time
}

/** One line for people: `14:02:07.123  call.started            CA5f0c1d2e inbound from +15550142`. */
export function eventLine({ id, event }: Placed, colours: Palette, ids: IdStyle): string {
  const type = clean(event.event_type ?? event.type)
  const time = timeOf(id)
  const colour = familyColour(colours, type.split('.')[0] ?? '')
  const accent = accentOf(type, event, colours)
  return `${colours.faint(time === undefined ? '--:--:--.---' : clockTime(time))}  ${colour(type.padEnd(TYPE_CHARS))}  ${accent(sentence(event, ids))}`
}

/** What somebody watching should not overlook. */
function accentOf(type: string, event: JsonObject, colours: Palette): (text: string) => string {
  if (type === 'pipeline.error' || event.completion_reason === 'error') return colours.bad
  if (type === 'call.escalated' || type === 'surface.review_rejected' || event.delivery_status === 'failed') {
    return colours.warning
  }
  return (text) => text
}

/** One line for programs: `{"id":…,"time":…,"event":{…}}`, which `replay` reads back. */
export function eventJson({ id, event }: Placed, callSid?: string): string {
  const time = timeOf(id)
  return jsonLine({
    id,
    ...(time === undefined ? {} : { time: new Date(time).toISOString() }),
    ...(callSid === undefined ? {} : { call_sid: callSid }),
    event,
  })
}

/** A gap in the stream, as a line among the events. */
export function gapLine(gap: Pick<Gap, 'code' | 'oldest'>, colours: Palette): string {
  const why =
    gap.code === 'history_truncated'
      ? 'older events are no longer kept'
      : 'the server does not know the position: its log was reset or is another one'
  const from = gap.oldest !== undefined ? `; going on from ${clean(gap.oldest)}` : ''
  return colours.warning(`──── a gap: ${why}${from} ────`)
}
