import type { Conversation } from './conversation.js'
import type { Reservation } from './desks.js'
import type { Random } from './random.js'
import type { Script } from './script.js'
import { HUMAN_SEGMENT } from './talk.js'
import type { World } from './world.js'

/** How long a caller waits for a person before the agent takes a message instead. */
const PATIENCE_SECONDS = 45
/** Longest an operator may be needed: the whole human segment, spoken slowly, and the way in and out. */
const OPERATOR_SECONDS = 120
const WRAP_UP_REASONS = ['resolved', 'resolved', 'escalated', 'transferred'] as const

/**
 * The call asks for a person; one joins, or none is free. Leaves the script where the call is about to end.
 * @returns The call's completion reason.
 */
export function handOver(world: World, script: Script, talk: Conversation, random: Random, why: string): string {
  const trigger = random.weighted({ caller: 6, ai: 3, operator: 1 })
  if (trigger === 'caller') talk.caller('I would like to speak to a person, please.')
  talk.moveTo('escalation')
  script.ws({
    event_type: 'call.escalated',
    call_sid: talk.callSid,
    escalation_id: `esc_${random.hex(8)}`,
    trigger,
    reason: why,
  })
  script.wait(0.2)
  talk.agent('I am getting a colleague. Please stay on the line.', 'escalate', false)

  const desk = world.desks.reserve(script.now + random.between(3, 9), PATIENCE_SECONDS, OPERATOR_SECONDS)
  if (desk === undefined) {
    script.wait(random.between(15, PATIENCE_SECONDS))
    if (random.chance(0.5)) return 'abandoned'
    talk.agent('Nobody is free at the moment. We will call you back within the hour.', 'promise_callback', false)
    return 'escalated'
  }
  script.waitUntil(desk.from)
  const listensFirst = random.chance(0.6)
  join(script, talk, desk.operatorId, listensFirst ? 'listen' : 'takeover')
  if (listensFirst) {
    script.wait(random.between(2, 8))
    changeMode(script, talk, desk.operatorId, 'takeover')
  } else {
    mute(script, talk, true)
  }
  return humanSegment(script, talk, random, desk)
}

/** An operator listens to a call for a while, and leaves it to the agent. Nothing happens when nobody is free. */
export function supervise(world: World, script: Script, talk: Conversation, random: Random): void {
  const desk = world.desks.reserve(script.now, 0, OPERATOR_SECONDS)
  if (desk === undefined) return
  join(script, talk, desk.operatorId, 'listen')
  talk.caller('One more thing. Will I get this in writing?')
  talk.agent('Yes, you will get a message with everything we have agreed.', 'answer')
  script.wait(random.between(1, 4))
  leave(script, talk, desk, undefined)
}

function humanSegment(script: Script, talk: Conversation, random: Random, desk: Reservation): string {
  talk.moveTo('human_segment')
  const turns = HUMAN_SEGMENT.slice(0, random.whole(4, HUMAN_SEGMENT.length))
  for (const [who, text] of turns) {
    if (who === 'operator') talk.operator(text)
    else talk.caller(text)
  }
  const handsBack = random.chance(0.5)
  if (handsBack) {
    changeMode(script, talk, desk.operatorId, 'listen')
    talk.moveTo('closing')
    talk.agent('I have noted what you have agreed with my colleague. Goodbye.', 'close', false)
  } else {
    mute(script, talk, false)
  }
  leave(script, talk, desk, turns.length)
  wrapUpLater(script, talk, desk.operatorId, random)
  return handsBack ? 'completed' : random.pick(['completed', 'warm_transfer_completed', 'transferred'])
}

function join(script: Script, talk: Conversation, operatorId: string, mode: string): void {
  script.ws({ event_type: 'operator.joined_call', call_sid: talk.callSid, operator_id: operatorId, mode })
  script.wait(0.05).ws({ event_type: 'operator.status_changed', operator_id: operatorId, status: 'busy' })
  script.wait(0.1)
}

function changeMode(script: Script, talk: Conversation, operatorId: string, mode: 'listen' | 'takeover'): void {
  script.ws({ event_type: 'operator.mode_changed', call_sid: talk.callSid, operator_id: operatorId, mode })
  mute(script, talk, mode === 'takeover')
}

function mute(script: Script, talk: Conversation, muted: boolean): void {
  talk.tell({ type: 'speaker_muted', muted })
  script.wait(0.4)
}

function leave(script: Script, talk: Conversation, desk: Reservation, humanTurns: number | undefined): void {
  script.ws({
    event_type: 'operator.left_call',
    call_sid: talk.callSid,
    operator_id: desk.operatorId,
    ...(humanTurns === undefined ? {} : { human_segment_turn_count: humanTurns }),
  })
  script.wait(0.05).ws({ event_type: 'operator.status_changed', operator_id: desk.operatorId, status: 'online' })
  desk.release(script.now)
  script.wait(0.5)
}

/** The record comes a little after the operator has left, which is usually after the call's end. */
function wrapUpLater(script: Script, talk: Conversation, operatorId: string, random: Random): void {
  const after = script.now + random.between(4, 25)
  script.at(after, {
    event_type: 'operator.wrap_up',
    call_sid: talk.callSid,
    wrap_up_reason: random.pick(WRAP_UP_REASONS),
    operator_id: operatorId,
  })
}
