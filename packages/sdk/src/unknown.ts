import { observerTypes, workspaceTypes } from './generated/known.gen.js'
import type { ObserverSSEEvent, WorkspaceSSEEvent } from './generated/types.gen.js'
import type { JsonObject } from './http.js'

/** A workspace event of a type that this SDK does not know: newer than it, or added by the deployment. */
export interface UnknownWorkspaceEvent {
  readonly event_type: 'unknown'
  /** The type the server sent. */
  readonly actual_type: string
  /** The event as it was sent. */
  readonly raw: JsonObject
}

/** An observer event of a type that this SDK does not know: newer than it, or added by the deployment. */
export interface UnknownObserverEvent {
  readonly type: 'unknown'
  /** The type the server sent. */
  readonly actual_type: string
  /** The event as it was sent. */
  readonly raw: JsonObject
}

/** What a workspace stream yields: `switch` on `event_type`, with `unknown` as one more arm. */
export type WorkspaceEvent = WorkspaceSSEEvent | UnknownWorkspaceEvent
/** What an observation yields: `switch` on `type`, with `unknown` as one more arm. */
export type ObserverEvent = ObserverSSEEvent | UnknownObserverEvent

/** True for an event whose type this SDK knows, and so narrows by it. */
export function isKnown<Event extends WorkspaceEvent | ObserverEvent>(
  event: Event,
): event is Exclude<Event, UnknownWorkspaceEvent | UnknownObserverEvent> {
  return ('event_type' in event ? event.event_type : event.type) !== 'unknown'
}

// Which types exist is the contract's to say, and that a known type has its fields is the server's to keep: it checks
// every event against its schema before it stores it. So a type's name is enough to take the object for its type.

function isWorkspaceEvent(data: JsonObject): data is JsonObject & WorkspaceSSEEvent {
  return typeof data.event_type === 'string' && Object.hasOwn(workspaceTypes, data.event_type)
}

function isObserverEvent(data: JsonObject): data is JsonObject & ObserverSSEEvent {
  return typeof data.type === 'string' && Object.hasOwn(observerTypes, data.type)
}

/** @param type the frame's own name of the type, for servers that leave it out of the data. */
export function workspaceEvent(type: string, data: JsonObject): WorkspaceEvent {
  const event = typeof data.event_type === 'string' ? data : { ...data, event_type: type }
  if (isWorkspaceEvent(event)) return event
  return { event_type: 'unknown', actual_type: String(event.event_type), raw: data }
}

export function observerEvent(data: JsonObject): ObserverEvent {
  if (isObserverEvent(data)) return data
  return { type: 'unknown', actual_type: typeof data.type === 'string' ? data.type : '', raw: data }
}
