import type { JsonObject } from '@switchboard/contract'
import { Conversation } from './conversation.js'
import { handOver, supervise } from './escalation.js'
import { callSid, phoneNumber } from './ids.js'
import { Script } from './script.js'
import { CLOSING, GREETING, THANKS, TOPICS, type Topic, VOICEMAIL } from './talk.js'
import { roundSeconds, type TimelineItem } from './timeline.js'
import type { World } from './world.js'

/** How calls turn out, and how often. */
const OUTCOMES = { settled: 62, escalated: 18, hungUp: 9, forwarded: 4, silent: 3, failed: 2, supervised: 2 } as const
type Outcome = keyof typeof OUTCOMES

/** Share of calls that the agent places, and of those that meet nobody. */
const OUTBOUND = 0.2
const UNANSWERED = 0.35

/** What a call leaves behind for others to go on with. */
export interface CallStory {
  readonly items: readonly TimelineItem[]
  /** When the agent sent the caller a form, or undefined when it did not. */
  readonly formSentAt: number | undefined
}

/** One call from its first to its last event. `label` names it among the calls of the simulation. */
export function callStory(world: World, at: number, label: string): CallStory {
  const random = world.random.fork(label)
  const script = new Script(at)
  const talk = new Conversation(script, random, callSid(random))
  const outbound = random.chance(OUTBOUND)
  const direction = outbound ? 'outbound' : 'inbound'
  const serviceId = random.pick(world.serviceIds)
  const topic = random.pick(TOPICS)
  let formSentAt: number | undefined
  let escalated = false

  script.ws({
    event_type: 'call.started',
    call_sid: talk.callSid,
    direction,
    service_id: serviceId,
    caller_id: phoneNumber(random),
  })
  script.wait(0.15)
  talk.tell({ type: 'session_start', call_sid: talk.callSid, service_id: serviceId, initial_state: 'greeting' })

  const end = (reason: string): CallStory => {
    const seconds = roundSeconds(script.now - at)
    talk.tell({
      type: 'session_end',
      call_sid: talk.callSid,
      duration_s: seconds,
      turns: talk.turns,
      completion_reason: reason,
      final_state: talk.state,
    })
    script.wait(0.2)
    const ended: JsonObject = {
      event_type: 'call.ended',
      call_sid: talk.callSid,
      direction,
      duration_seconds: roundSeconds(script.now - at),
      completion_reason: reason,
      escalated,
    }
    script.ws(ended)
    return { items: script.items, formSentAt }
  }

  if (outbound && random.chance(UNANSWERED)) {
    if (random.chance(0.5)) return script.wait(random.between(18, 28)) && end('no_answer')
    talk.caller(VOICEMAIL)
    talk.agent(`${topic.reason} Please call us back.`, 'leave_message', false)
    return end('voicemail')
  }

  const outcome: Outcome = random.weighted(OUTCOMES)
  script.wait(random.between(0.4, 1.2))
  talk.agent(outbound ? `This is the assistant of Harbor Clinic. ${topic.reason}` : GREETING, 'greet')
  if (outcome === 'silent') {
    script.wait(random.between(8, 14))
    talk.agent('I cannot hear anything, so I am ending the call.', 'end', false)
    return end('no_inbound_audio')
  }

  const stopAfter = outcome === 'settled' || outcome === 'supervised' ? topic.exchanges.length : random.whole(1, 2)
  for (const exchange of topic.exchanges.slice(0, stopAfter)) {
    talk.caller(exchange.caller)
    talk.moveTo(topic.state)
    const worked = exchange.tool === undefined || talk.tool(exchange.tool)
    if (worked && topic.sendsForm && exchange.tool?.name === 'send_form') formSentAt = script.now
    talk.agent(worked ? exchange.agent : 'That did not work just now. A colleague will take care of it.', 'answer')
  }

  switch (outcome) {
    case 'hungUp':
      script.wait(random.between(0.5, 3))
      return end('caller_hangup')
    case 'failed':
      return script.wait(1) && end('error')
    case 'forwarded':
      forward(talk, script, random.chance(0.75) ? 'connected' : 'failed', phoneNumber(random))
      return end('forwarded')
    case 'escalated':
      if (random.chance(0.25)) forward(talk, script, 'failed', phoneNumber(random))
      escalated = true
      return end(handOver(world, script, talk, random, topic.escalation))
    case 'supervised':
      supervise(world, script, talk, random)
      break
    case 'settled':
      break
  }
  farewell(talk, topic, random.pick(THANKS))
  return end('completed')
}

function farewell(talk: Conversation, topic: Topic, thanks: string): void {
  talk.moveTo('closing')
  talk.agent(CLOSING[0], `close_${topic.state}`)
  talk.caller(thanks)
  talk.agent(CLOSING[1], 'close', false)
}

function forward(talk: Conversation, script: Script, result: string, number: string): void {
  talk.agent('Let me try to put you through.', 'forward', false)
  script.wait(1.2)
  talk.tell({
    type: 'forward_call_resolved',
    target_number: number,
    location_name: 'Front desk',
    result,
    error: result === 'failed' ? 'closed at this hour' : null,
  })
  script.wait(0.4)
}
