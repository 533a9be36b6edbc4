import type { JsonObject } from '@switchboard/contract'
import type { Random } from './random.js'
import type { Script } from './script.js'
import { INTERRUPTIONS, type ToolUse } from './talk.js'

/** Words a second, for an agent's voice and for people. */
const AGENT_PACE = 3.1
const HUMAN_PACE = 2.7
/** Words to a piece of text that a streaming agent sends. */
const DELTA_WORDS = 4

/** The observer's side of one call: who says what, and which tools run. It keeps count for `session_end`. */
export class Conversation {
  /** Whole utterances so far, whoever spoke. */
  turns = 0
  bargeIns = 0
  state = 'greeting'
  private toolCalls = 0

  constructor(
    private readonly script: Script,
    private readonly random: Random,
    readonly callSid: string,
  ) {}

  tell(event: JsonObject): void {
    this.script.obs(this.callSid, event)
  }

  moveTo(next: string): void {
    if (next === this.state) return
    this.tell({
      type: 'state_transition',
      previous_state: this.state,
      next_state: next,
      transition_type: 'exit_condition',
    })
    this.state = next
  }

  /**
   * The agent speaks, in pieces and then as a whole. Now and then the caller cuts in: the agent stops there, the
   * caller is heard, and the agent says it again from the start.
   */
  agent(text: string, action: string, interruptible = true): void {
    this.timing(action)
    if (interruptible && this.random.chance(0.1)) {
      const heard = text.slice(0, Math.max(8, Math.floor(text.length * this.random.between(0.3, 0.7))))
      this.speak(heard)
      this.tell({
        type: 'agent_transcript',
        transcript: heard,
        action,
        interrupted: true,
        streaming: true,
        speaker_role: 'agent',
      })
      this.turns++
      this.bargeIn(heard)
    }
    this.speak(text)
    this.tell({
      type: 'agent_transcript',
      transcript: text,
      action,
      interrupted: false,
      streaming: false,
      speaker_role: 'agent',
    })
    this.turns++
    this.script.wait(this.random.between(0.3, 0.9))
  }

  caller(text: string, bargeIn = false): void {
    this.script.wait(words(text) / HUMAN_PACE)
    this.tell({
      type: 'user_transcript',
      transcript: text,
      state: this.state,
      speaker_id: 'spk_0',
      speaker_role: 'caller',
      is_barge_in: bargeIn,
      stt_confidence: Math.round(this.random.between(0.86, 0.99) * 100) / 100,
    })
    this.turns++
    this.script.wait(this.random.between(0.4, 1.2))
  }

  operator(text: string): void {
    this.script.wait(words(text) / HUMAN_PACE)
    this.tell({
      type: 'user_transcript',
      transcript: text,
      state: this.state,
      speaker_id: 'spk_2',
      speaker_role: 'operator',
    })
    this.turns++
    this.script.wait(this.random.between(0.3, 1))
  }

  /** Runs a tool; true when it worked. A failed one may be tried once more. */
  tool(use: ToolUse): boolean {
    const worked = this.runTool(use)
    if (worked || this.random.chance(0.5)) return worked
    this.script.wait(0.3)
    return this.runTool(use)
  }

  private runTool(use: ToolUse): boolean {
    const callId = `tc_${++this.toolCalls}`
    const about = { tool_name: use.name, call_id: callId, integration_name: use.integration }
    const seconds = Math.round(this.random.between(0.18, 2.4) * 1000) / 1000
    const succeeded = !this.random.chance(0.12)
    this.tell({ type: 'tool_call_started', ...about, tool_input: use.input })
    this.script.wait(seconds)
    this.tell({
      type: 'tool_call_completed',
      ...about,
      output: succeeded ? JSON.stringify(use.output) : null,
      succeeded,
      duration_ms: Math.round(seconds * 1000),
      error: succeeded ? null : use.failure,
    })
    this.script.wait(0.2)
    return succeeded
  }

  private speak(text: string): void {
    const all = text.split(' ')
    for (let from = 0; from < all.length; from += DELTA_WORDS) {
      const piece = all.slice(from, from + DELTA_WORDS)
      this.script.wait(piece.length / AGENT_PACE)
      const last = from + DELTA_WORDS >= all.length
      this.tell({ type: 'agent_transcript_delta', delta: last ? piece.join(' ') : `${piece.join(' ')} ` })
    }
  }

  private bargeIn(heard: string): void {
    this.bargeIns++
    this.tell({
      type: 'barge_in',
      interrupting_speaker_id: 'spk_0',
      interrupted_speaker_id: 'agent',
      interrupted_text: heard,
      total_barge_ins: this.bargeIns,
    })
    this.caller(this.random.pick(INTERRUPTIONS), true)
  }

  /** What the engine tells of itself before some of the agent's utterances. */
  private timing(action: string): void {
    if (!this.random.chance(0.35)) return
    const nav = this.random.whole(40, 180)
    const render = this.random.whole(120, 600)
    const audio = this.random.whole(90, 260)
    this.tell({
      type: 'latency',
      nav_ms: nav,
      render_ms: render,
      engine_ms: nav + render,
      audio_ttfb_ms: audio,
      e2e_ttfb_ms: nav + render + audio,
      continuation: false,
      is_greeting: action === 'greet',
    })
  }
}

function words(text: string): number {
  return text.split(' ').length
}
