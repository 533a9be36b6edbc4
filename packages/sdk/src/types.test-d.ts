import type { FailureCode as ContractFailureCode } from '@switchboard/contract'
import type { WebSocket as WsWebSocket } from 'ws'
import type { ServerFailureCode, SocketConstructor, Switchboard, WorkspaceEvent, WorkspaceEventType } from './index.js'
import { isKnown, isSwitchboardError } from './index.js'

/** Compiled with the tests and never run: a promise about types that is broken does not compile. */

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function holds<_Truth extends true>(): void {}

declare const client: Switchboard

function never(value: never): never {
  throw new Error(`not a case: ${JSON.stringify(value)}`)
}

/** Cases narrow: each arm knows its fields, and `unknown` is an arm of its own. */
export async function narrows(): Promise<void> {
  for await (const { id, time, event } of client.events.stream({
    types: ['call.*', 'surface.updated', 'newer.type'],
  })) {
    holds<Same<typeof id, string>>()
    holds<Same<typeof time, Date>>()
    switch (event.event_type) {
      case 'call.started':
        holds<Same<typeof event.call_sid, string>>()
        // @ts-expect-error a field of another type of event
        event.operator_id
        break
      case 'operator.joined_call':
        holds<Same<typeof event.mode, 'listen' | 'takeover'>>()
        break
      case 'unknown':
        holds<Same<typeof event.actual_type, string>>()
        break
      // @ts-expect-error no such type
      case 'call.exploded':
        break
    }
  }
}

type Handlers = { readonly [Type in WorkspaceEvent['event_type']]: true }

/** All cases together leave nothing. */
export function isExhaustive(
  event: Exclude<WorkspaceEvent, { event_type: Exclude<WorkspaceEventType, 'call.started' | 'call.ended'> }>,
): string {
  switch (event.event_type) {
    case 'call.started':
      return event.direction
    case 'call.ended':
      return event.completion_reason
    case 'unknown':
      return event.actual_type
    default:
      return never(event)
  }
}

/** Leaving out a case does not compile: a known one, or the unknown arm. */
export function forgetsAKnownType(event: WorkspaceEvent): string {
  switch (event.event_type) {
    case 'call.started':
    case 'unknown':
      return ''
    default:
      // @ts-expect-error the other types are left
      return never(event)
  }
}

export function forgetsTheUnknown(
  event: Exclude<WorkspaceEvent, { event_type: Exclude<WorkspaceEventType, 'call.started'> }>,
): string {
  switch (event.event_type) {
    case 'call.started':
      return event.call_sid
    default:
      // @ts-expect-error events newer than the SDK are left
      return never(event)
  }
}

// @ts-expect-error a table over all types misses all but one
export const table: Handlers = { 'call.started': true }

/** Each case of the seed's unions and of all that came since, written out: nothing may be missing. */
export async function observes(): Promise<string> {
  const observation = client.calls.observe('CA1', { types: ['user_transcript'], history: 'none' })
  holds<Same<Awaited<typeof observation.info>['type'], 'session_info'>>()
  for await (const { event } of observation) {
    switch (event.type) {
      case 'user_transcript':
      case 'agent_transcript':
      case 'agent_transcript_delta':
        return event.type
      case 'tool_call_started':
      case 'tool_call_completed':
        return event.tool_name + event.call_id
      case 'forward_call_resolved':
      case 'speaker_muted':
      case 'barge_in':
      case 'participant_joined':
      case 'participant_left':
      case 'session_info':
      case 'session_start':
      case 'session_end':
      case 'state_transition':
      case 'actor_allocated':
      case 'media_attached':
      case 'actor_shutdown':
      case 'emotion':
      case 'compound_emotion':
      case 'empathy_classified':
      case 'latency':
      case 'nav_timing':
      case 'voice_context_applied':
        return event.type
      case 'unknown':
        return String(event.raw.type)
      default:
        return never(event)
    }
  }
  return ''
}

export function guards(event: WorkspaceEvent, error: unknown): void {
  if (isKnown(event)) {
    holds<Same<typeof event.event_type, WorkspaceEventType>>()
  } else {
    holds<Same<typeof event.event_type, 'unknown'>>()
  }
  if (isSwitchboardError(error) && error.code === 'rate_limited') {
    holds<Same<typeof error.retryAfterMs, number | undefined>>()
  }
}

export function handlers(): void {
  client.events.subscribe({
    on: {
      'call.ended': ({ event }) => holds<Same<typeof event.event_type, 'call.ended'>>(),
      unknown: ({ event }) => holds<Same<typeof event.event_type, 'unknown'>>(),
      // @ts-expect-error no such type
      'call.exploded': () => {},
    },
  })
}

export async function publishes(): Promise<void> {
  await client.events.publish({ event_type: 'surface.updated', surface_id: 's' })
  await client.events.publish([{ event_type: 'surface.updated', surface_id: 's', idempotency_key: 'k' }])
  // @ts-expect-error a field is missing
  await client.events.publish({ event_type: 'call.escalated', call_sid: 'CA1' })
  // @ts-expect-error no such value
  await client.events.publish({ event_type: 'operator.joined_call', call_sid: 'CA1', operator_id: 'o', mode: 'shout' })
  // @ts-expect-error an observer event
  await client.events.publish({ type: 'speaker_muted', muted: true })
  await client.calls.publish('CA1', { type: 'speaker_muted', muted: true })
  // Either spelling of the fields that have two.
  await client.calls.publish('CA1', { type: 'tool_call_started', tool_name: 't', tool_input: {} })
  await client.calls.publish('CA1', { type: 'tool_call_started', tool_name: 't', input: {} })
}

// The SDK stands alone, so it repeats the failure codes: they are the contract's, no more and no fewer.
holds<Same<ServerFailureCode, ContractFailureCode>>()

// Every WebSocket there is can be given.
holds<typeof globalThis.WebSocket extends SocketConstructor ? true : false>()
holds<typeof WsWebSocket extends SocketConstructor ? true : false>()
