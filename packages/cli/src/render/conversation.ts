import type { JsonObject } from '@switchboard/contract'
import type { Palette } from './palette.js'
import { clean, duration, shorten, stopwatch } from './text.js'

/** What the terminal shows for one observer event. */
export interface Shown {
  /** Lines that stay; they take the place of the live line. */
  readonly lines: readonly string[]
  /** A line that the next event overwrites: what the agent is saying right now. Undefined: none. */
  readonly live: string | undefined
}

const WHO_CHARS = 8
/** Characters of a tool's input or output on one line. */
const TOOL_CHARS_MAX = 120

/** Folds a call's events into a conversation as it is spoken. One object for one call. */
export class Conversation {
  private startMs: number | undefined
  private speaking = ''

  constructor(
    private readonly colours: Palette,
    /** Width of the terminal: the live line must fit, or it could not be overwritten. */
    private readonly columns: number,
  ) {}

  /** @param timeMs When it happened, Unix ms. */
  show(event: JsonObject, timeMs: number): Shown {
    this.startMs ??= event.type === 'session_info' ? startOf(event, timeMs) : timeMs
    const say = SAY[String(event.type)]
    if (event.type === 'agent_transcript_delta') return this.piece(event, timeMs)
    if (event.type === 'agent_transcript') this.speaking = ''
    const told = say?.(event, this.colours)
    const live = this.speaking === '' ? undefined : this.liveLine(timeMs)
    if (told === undefined) return { lines: [], live }
    return { lines: [`${this.margin(timeMs)}${told}`], live }
  }

  private piece(event: JsonObject, timeMs: number): Shown {
    this.speaking += clean(event.delta)
    return { lines: [], live: this.liveLine(timeMs) }
  }

  private liveLine(timeMs: number): string {
    const room = Math.max(10, this.columns - WHO_CHARS - 12)
    // Its end is what is new, so a long one is cut at its beginning.
    const text = this.speaking.length > room ? `…${this.speaking.slice(-room)}` : this.speaking
    return `${this.margin(timeMs)}${who('agent', this.colours.call)}${this.colours.faint(`${text}▏`)}`
  }

  private margin(timeMs: number): string {
    return `${this.colours.faint(stopwatch(timeMs - (this.startMs ?? timeMs)).padStart(7))}  `
  }
}

function startOf(info: JsonObject, timeMs: number): number {
  const seconds = Number(info.start_time)
  return seconds > 0 ? seconds * 1000 : timeMs
}

function who(name: string, colour: (text: string) => string): string {
  return `${colour(name.padEnd(WHO_CHARS))}  `
}

type Say = (event: JsonObject, colours: Palette) => string | undefined

/** A mark in the place of the speaker, for what is done rather than said. */
function mark(sign: string, text: string, colours: Palette): string {
  return `${colours.faint(sign.padEnd(WHO_CHARS))}  ${text}`
}

const SAY: Readonly<Record<string, Say>> = {
  session_info: (e, c) => {
    const from =
      e.caller_id === '' || e.caller_id === undefined
        ? ''
        : ` ${e.direction === 'outbound' ? 'to' : 'from'} ${clean(e.caller_id)}`
    const state = e.current_state ? c.faint(` · ${clean(e.current_state)}`) : ''
    return mark('call', c.strong(`${clean(e.call_sid)} ${clean(e.direction ?? 'inbound')}${from}`) + state, c)
  },
  user_transcript: (e, c) => {
    const operator = e.speaker_role === 'operator'
    const cut = e.is_barge_in === true ? c.warning(' ⤷ cuts in') : ''
    return `${operator ? who('operator', c.operator) : who('caller', c.good)}${clean(e.transcript)}${cut}`
  },
  agent_transcript: (e, c) =>
    `${who('agent', c.call)}${clean(e.transcript)}${e.interrupted === true ? c.warning('— interrupted') : ''}`,
  tool_call_started: (e, c) => mark('tool', c.faint(`${clean(e.tool_name)} ${payload(e.tool_input ?? e.input)} …`), c),
  tool_call_completed: (e, c) => {
    const took = typeof e.duration_ms === 'number' ? ` in ${duration(e.duration_ms)}` : ''
    if (e.succeeded === false) {
      return mark('tool', c.bad(`${clean(e.tool_name)} failed${took}: ${payload(e.error ?? e.error_message)}`), c)
    }
    return mark('tool', `${c.good(`${clean(e.tool_name)} done${took}`)} ${c.faint(payload(e.output))}`, c)
  },
  forward_call_resolved: (e, c) => {
    const where = [e.location_name, e.target_number]
      .filter((each) => each)
      .map(clean)
      .join(', ')
    if (e.error) return mark('forward', c.bad(`${where}: ${clean(e.result ?? 'failed')}, ${clean(e.error)}`), c)
    return mark('forward', `${where}: ${clean(e.result ?? 'found')}`, c)
  },
  speaker_muted: (e, c) =>
    mark('voice', c.operator(e.muted === true ? 'the agent is muted' : 'the agent may speak again'), c),
  state_transition: (e, c) => mark('state', c.faint(`${clean(e.previous_state)} → ${clean(e.next_state)}`), c),
  participant_joined: (e, c) => mark('joined', c.faint(clean(e.participant_role)), c),
  participant_left: (e, c) => mark('left', c.faint(clean(e.participant_role)), c),
  session_end: (e, c) => {
    const seconds = Number(e.duration_s ?? 0)
    const reason = e.completion_reason ? clean(e.completion_reason).replaceAll('_', ' ') : 'the call is over'
    return mark('end', c.strong(`${reason}${seconds > 0 ? ` after ${duration(seconds * 1000)}` : ''}`), c)
  },
}

function payload(value: unknown): string {
  if (value === undefined || value === null) return ''
  return shorten(clean(typeof value === 'string' ? value : JSON.stringify(value)), TOOL_CHARS_MAX)
}
