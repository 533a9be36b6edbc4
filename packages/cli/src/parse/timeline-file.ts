import {
  accept,
  builtinCatalogue,
  type Catalogue,
  type ChannelKind,
  discriminators,
  type ErrorItem,
  type ExtraFields,
  type JsonObject,
} from '@switchboard/contract'
import { roundSeconds, type TimelineItem } from '@switchboard/simulator'
import { CliError } from '../failure.js'

/** A file with a hundred faults has one fault, made a hundred times. */
const FAULTS_SHOWN_MAX = 20

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Reads a timeline. Each line is one of
 *
 *     {"at": 1.5, "ws": {…}}                          an event of the workspace stream, 1.5 s after the start
 *     {"at": 1.5, "obs": {…}, "call_sid": "CA…"}      an event of a call; without call_sid: of the call that opened the file
 *     {"id": "…", "time": "2026-…Z", "event": {…}}    a line of `tail --json`
 *     {"id": "…", "time": "2026-…Z", "call_sid": "CA…", "event": {…}}    a line of `observe --json`
 *
 * The first line's time is the start. Empty lines do not count.
 *
 * Every event is checked against the catalogue. A type that is neither known nor near a known one is left to the
 * server, whose deployment may have added it.
 *
 * @throws CliError `invalid_event` that names each bad line, before anything has been sent.
 */
export function parseTimeline(
  text: string,
  extraFields: ExtraFields,
  catalogue: Catalogue = builtinCatalogue,
): readonly TimelineItem[] {
  const items: TimelineItem[] = []
  const faults: ErrorItem[] = []
  const reader = new LineReader(catalogue, extraFields)
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const item = reader.read(line)
    if (typeof item === 'string') faults.push({ path: `line ${index + 1}`, message: item })
    else if (item !== undefined) items.push(item)
  }
  if (faults.length > 0) {
    const more = faults.length > FAULTS_SHOWN_MAX ? ` The first ${FAULTS_SHOWN_MAX} are shown.` : ''
    const lines = faults.length === 1 ? 'A line of the file is' : `${faults.length} lines of the file are`
    throw new CliError(
      'invalid_event',
      `${lines} not right; nothing was sent.${more}`,
      undefined,
      faults.slice(0, FAULTS_SHOWN_MAX),
    )
  }
  if (items.length === 0) throw new CliError('bad_request', 'The file holds no events.')
  return items
}

class LineReader {
  private firstCall: string | undefined
  private startMs: number | undefined
  private last = 0

  constructor(
    private readonly catalogue: Catalogue,
    private readonly extraFields: ExtraFields,
  ) {}

  /** The line's item; undefined for a line that says nothing to send; a text that says what is wrong with it. */
  read(line: string): TimelineItem | string | undefined {
    const value = parseObject(line)
    if (typeof value === 'string') return value
    if ('event' in value) return this.recorded(value)
    // `tail --json` notes a gap where events were missing; there is nothing in it to send.
    if ('gap' in value) return undefined
    const at = typeof value.at === 'string' && value.at.trim() !== '' ? Number(value.at) : value.at
    if (typeof at !== 'number' || !Number.isFinite(at) || at < 0) return '"at" must be a number of seconds, 0 or more'
    if ('ws' in value && 'obs' in value) return 'a line holds "ws" or "obs", not both'
    if ('ws' in value) return this.item('workspace', at, value.ws, undefined)
    if ('obs' in value) return this.item('observer', at, value.obs, value.call_sid)
    return 'a line holds "ws" (a workspace event), "obs" (an event of a call) or "event" (as tail --json writes it)'
  }

  private recorded(value: JsonObject): TimelineItem | string | undefined {
    const { event } = value
    if (!isObject(event)) return '"event" must be an object'
    const time = typeof value.time === 'string' ? Date.parse(value.time) : Number.NaN
    if (Number.isNaN(time)) return '"time" must be an ISO 8601 time'
    this.startMs ??= time
    const at = Math.max(0, (time - this.startMs) / 1000)
    const observed = 'type' in event && !('event_type' in event)
    // The server makes these itself when somebody connects; sending them back would tell them twice.
    if (observed && (event.type === 'session_info' || event.type === 'session_live')) return undefined
    const { id: _position, ...sent } = event
    return this.item(observed ? 'observer' : 'workspace', at, sent, value.call_sid)
  }

  private item(kind: ChannelKind, at: number, event: unknown, callSid: unknown): TimelineItem | string {
    if (!isObject(event)) return `"${kind === 'workspace' ? 'ws' : 'obs'}" must be an object`
    const tag = discriminators[kind]
    const type = event[tag]
    if (typeof type !== 'string' || type === '') return `the event has no "${tag}"`
    const wrong = this.refused(kind, type, event)
    if (wrong !== undefined) return wrong
    if (at < this.last) return `"at" goes back from ${this.last} to ${at}; lines must be in the order of time`
    this.last = at
    if (kind === 'workspace') {
      if (typeof event.call_sid === 'string') this.firstCall ??= event.call_sid
      return { at: roundSeconds(at), ws: event }
    }
    const sid = typeof callSid === 'string' ? callSid : this.firstCall
    if (sid === undefined) return 'no call is known for this "obs"; add "call_sid", or put the call.started line first'
    return { at: roundSeconds(at), obs: event, call_sid: sid }
  }

  private refused(
    kind: ChannelKind,
    type: string,
    { idempotency_key: _key, ...event }: JsonObject,
  ): string | undefined {
    const answer = accept(this.catalogue, kind, event, { extraFields: this.extraFields })
    if (answer.ok) return undefined
    if (answer.code === 'unknown_event_type' && this.catalogue.nearest(kind, type) === undefined) return undefined
    return answer.errors
      .map(({ path, message }) => `${path.slice(1).replaceAll('/', '.')} ${message}`.trim())
      .join('; ')
  }
}

function parseObject(line: string): JsonObject | string {
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) ? value : 'a line must be a JSON object'
  } catch (error) {
    return `not JSON: ${error instanceof Error ? error.message : String(error)}`
  }
}
