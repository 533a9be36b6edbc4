import { MASKED_TEXT } from '@switchboard/contract/core'
import type { ObserverEvent, WorkspaceEvent } from '@switchboard/sdk'
import { type ToolRun, Tools } from './tool-runs.js'

/** One event of a call, of either channel, at its moment in Unix ms. */
export type CallEntry = { readonly id: string; readonly at: number } & (
  | { readonly observer: ObserverEvent }
  | { readonly workspace: WorkspaceEvent }
)

export type Speaker = 'caller' | 'agent' | 'operator'

/** Something that was said, or is being said. */
export interface Turn {
  readonly kind: 'turn'
  readonly id: string
  readonly at: number
  readonly speaker: Speaker
  /** The operator's id, when one speaks and it is known which. */
  readonly operatorId: string | undefined
  readonly text: string
  /** Cut short by somebody else. */
  readonly interrupted: boolean
  /** Began while another was speaking. */
  readonly cutIn: boolean
  /** Sentences that were ready when it was cut short, and were then not said. */
  readonly unsaid: readonly string[]
}

/** Something that happened between what was said. */
export interface Remark {
  readonly kind: 'remark'
  readonly id: string
  readonly at: number
  readonly tone: 'person' | 'failed' | 'plain'
  readonly text: string
  /** The operator it is about, whose name belongs before the text. */
  readonly operatorId: string | undefined
}

export type Line = Turn | Remark

export interface Forward {
  readonly id: string
  readonly at: number
  readonly place: string
  readonly failed: boolean
  readonly result: string
}

/** Somebody on the line, and since when this party is heard; undefined: not yet. */
export interface Party {
  readonly name: string
  readonly heardSince: number | undefined
}

/** An operator on the call. */
export interface Operator {
  readonly operatorId: string
  readonly mode: 'listen' | 'takeover'
}

/** A call as its events so far tell it. */
export interface CallPicture {
  readonly lines: readonly Line[]
  /** What the agent is saying: it grows. */
  readonly speaking: Turn | undefined
  readonly tools: readonly ToolRun[]
  readonly forwards: readonly Forward[]
  readonly parties: readonly Party[]
  readonly operators: readonly Operator[]
  /** A person was asked for, and none has come. */
  readonly waiting: boolean
  /** True while the agent's voice is off. */
  readonly muted: boolean
  readonly state: string | undefined
  /** What was last heard in the caller's voice, and where it goes. */
  readonly mood: { readonly name: string; readonly trend: string | undefined } | undefined
  /** From the end of the caller's words to the first sound of the latest answer, in ms. */
  readonly answerMs: number | undefined
  readonly over: boolean
}

const words = (name: string): string => name.replaceAll('_', ' ')

/** Folds a call's entries, in their order, into what a person reads. */
export class Conversation {
  readonly #lines: Line[] = []
  readonly #tools = new Tools()
  readonly #forwards: Forward[] = []
  readonly #parties = new Map<string, Party>()
  #speaking: Turn | undefined
  /** Pieces whose whole was not told before somebody else spoke. */
  #settled: Turn | undefined
  readonly #operators = new Map<string, Operator>()
  #waiting = false
  #muted = false
  #state: string | undefined
  #mood: CallPicture['mood']
  #answerMs: number | undefined
  #over = false

  get picture(): CallPicture {
    return {
      lines: [...this.#lines],
      speaking: this.#speaking,
      tools: this.#tools.runs,
      forwards: [...this.#forwards],
      parties: [...this.#parties.values()],
      operators: [...this.#operators.values()],
      waiting: this.#waiting,
      muted: this.#muted,
      state: this.#state,
      mood: this.#mood,
      answerMs: this.#answerMs,
      over: this.#over,
    }
  }

  take(entry: CallEntry): void {
    if ('observer' in entry) this.#observer(entry, entry.observer)
    else this.#workspace(entry, entry.workspace)
  }

  #observer(entry: CallEntry, event: ObserverEvent): void {
    switch (event.type) {
      case 'user_transcript':
        this.#settle()
        this.#lines.push(
          this.#turn(entry, event.speaker_role === 'operator' ? 'operator' : 'caller', event.transcript, {
            cutIn: event.is_barge_in === true,
          }),
        )
        break
      case 'agent_transcript_delta':
        this.#grow(entry, event.delta)
        break
      case 'agent_transcript':
        this.#agentSaid(entry, event.transcript, event.interrupted === true)
        break
      case 'barge_in':
        this.#cutOff(event.discarded_texts ?? [])
        break
      case 'tool_call_started':
        this.#tools.start(entry.at, event)
        break
      case 'tool_call_completed':
        this.#tools.complete(entry.at, event)
        break
      case 'forward_call_resolved':
        this.#forward(entry, event)
        break
      case 'speaker_muted':
        this.#muted = event.muted
        this.#remark(entry, event.muted ? 'the agent is muted' : 'the agent speaks again')
        break
      case 'state_transition':
        this.#state = event.next_state
        break
      case 'participant_joined':
      case 'participant_left': {
        const name = event.display_name || event.participant_role
        const joined = event.type === 'participant_joined'
        if (joined) this.#meet(event.participant_role, name)
        else this.#parties.delete(event.participant_role)
        this.#remark(entry, `${name} ${joined ? 'joined' : 'left'} the line`)
        break
      }
      case 'media_attached':
        this.#meet(event.leg, this.#parties.get(event.leg)?.name ?? event.leg, entry.at)
        break
      case 'emotion':
        this.#mood = { name: event.dominant, trend: event.trend ?? undefined }
        break
      case 'latency':
        this.#answerMs = event.e2e_ttfb_ms
        break
      case 'session_start':
        this.#state ??= event.initial_state ?? undefined
        break
      case 'session_end':
        this.#settle()
        this.#over = true
        this.#remark(entry, `the call is over${event.completion_reason ? `: ${words(event.completion_reason)}` : ''}`)
        break
      // How the call stands is told by the page's head, from what the server said when it connected.
      case 'session_info':
      // Measurements and machines: they stand among all events, and say nothing to who reads a conversation.
      case 'actor_allocated':
      case 'actor_shutdown':
      case 'compound_emotion':
      case 'empathy_classified':
      case 'nav_timing':
      case 'voice_context_applied':
      case 'unknown':
        break
    }
  }

  #workspace(entry: CallEntry, event: WorkspaceEvent): void {
    switch (event.event_type) {
      case 'call.escalated':
        this.#waiting = this.#operators.size === 0
        this.#remark(
          entry,
          `a person is asked for by the ${words(event.trigger)}${event.reason ? `: ${event.reason}` : ''}`,
          { tone: 'person' },
        )
        break
      case 'operator.joined_call':
      case 'operator.mode_changed':
        this.#operators.set(event.operator_id, { operatorId: event.operator_id, mode: event.mode })
        this.#waiting = false
        this.#remark(entry, doing(event), { tone: 'person', operatorId: event.operator_id })
        break
      case 'operator.left_call':
        this.#operators.delete(event.operator_id)
        this.#remark(entry, 'left the call', { operatorId: event.operator_id })
        break
      case 'call.ended':
        this.#operators.clear()
        this.#waiting = false
        break
    }
  }

  /** The operator whose voice the caller hears. */
  get #heardOperator(): string | undefined {
    return [...this.#operators.values()].findLast(({ mode }) => mode === 'takeover')?.operatorId
  }

  #turn(entry: Pick<CallEntry, 'id' | 'at'>, speaker: Speaker, text: string, more: Partial<Turn> = {}): Turn {
    const operatorId = speaker === 'operator' ? this.#heardOperator : undefined
    const plain = { kind: 'turn', interrupted: false, cutIn: false, unsaid: [] } as const
    return { ...plain, id: entry.id, at: entry.at, speaker, operatorId, text, ...more }
  }

  #grow(entry: CallEntry, delta: string): void {
    const before = this.#speaking
    if (before === undefined) this.#speaking = this.#turn(entry, 'agent', delta)
    // What grows out of masked pieces is one masked text.
    else this.#speaking = { ...before, text: delta === MASKED_TEXT ? delta : before.text + delta }
  }

  /** The whole of what the pieces were of, from when the first of them was heard. */
  #agentSaid(entry: CallEntry, text: string, interrupted: boolean): void {
    const settled = this.#settled
    if (interrupted && this.#speaking === undefined && settled) {
      this.#lines[this.#lines.indexOf(settled)] = { ...settled, text }
      this.#settled = undefined
      return
    }
    const { at = entry.at, interrupted: cut = false, unsaid = [] } = this.#speaking ?? {}
    this.#speaking = undefined
    this.#settled = undefined
    this.#lines.push(this.#turn({ ...entry, at }, 'agent', text, { interrupted: interrupted || cut, unsaid }))
  }

  #cutOff(unsaid: readonly string[]): void {
    if (this.#speaking) {
      this.#speaking = { ...this.#speaking, interrupted: true, unsaid }
      return
    }
    const last = this.#lines.at(-1)
    if (last?.kind !== 'turn' || last.speaker !== 'agent') return
    this.#lines[this.#lines.length - 1] = { ...last, interrupted: true, unsaid }
  }

  /** Somebody else speaks, or nobody will any more: what was being said is all there is, until its whole is told. */
  #settle(): void {
    if (this.#speaking === undefined) return
    this.#settled = { ...this.#speaking, interrupted: true }
    this.#lines.push(this.#settled)
    this.#speaking = undefined
  }

  #forward(
    entry: CallEntry,
    told: {
      location_name?: string | null
      target_number?: string | null
      result?: string | null
      error?: string | null
    },
  ): void {
    const place = told.location_name || told.target_number || 'somewhere else'
    const failed = Boolean(told.error) || told.result === 'failed'
    const result = told.error || words(told.result ?? 'found')
    this.#forwards.push({ id: entry.id, at: entry.at, place, failed, result })
    this.#remark(entry, `forward to ${place}: ${result}`, { tone: failed ? 'failed' : 'plain' })
  }

  #meet(role: string, name: string, heardSince = this.#parties.get(role)?.heardSince): void {
    this.#parties.set(role, { name, heardSince })
  }

  #remark(entry: CallEntry, text: string, more: Partial<Remark> = {}): void {
    const plain = { kind: 'remark', id: entry.id, at: entry.at, tone: 'plain', text, operatorId: undefined } as const
    this.#lines.push({ ...plain, ...more })
  }
}

function doing({ event_type, mode }: { readonly event_type: string; readonly mode: Operator['mode'] }): string {
  if (mode === 'takeover') return 'takes over'
  return event_type === 'operator.mode_changed' ? 'now listens' : 'listens'
}
