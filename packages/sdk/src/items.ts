import type { Clock } from './clock.js'
import type { Item } from './options.js'
import { parsePosition } from './position.js'
import type { Frame } from './sse-transport.js'
import { type ObserverEvent, observerEvent, type WorkspaceEvent, workspaceEvent } from './unknown.js'

export type WorkspaceItem = Item<WorkspaceEvent>
export type ObserverItem = Item<ObserverEvent>

export function workspaceItem(frame: Frame, clock: Clock): WorkspaceItem {
  return { id: frame.id, time: timeOf(frame.id, clock), event: workspaceEvent(frame.type, frame.data) }
}

export function observerItem(frame: Frame, clock: Clock): ObserverItem {
  return { id: frame.id, time: timeOf(frame.id, clock), event: observerEvent(frame.data) }
}

/** The time in a position; for ids of another make, the time it was received. */
export function timeOf(id: string, clock: Clock): Date {
  return new Date(parsePosition(id)?.time ?? clock.now())
}
