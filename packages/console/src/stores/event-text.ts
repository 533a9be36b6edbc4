import type { WorkspaceItem } from '@switchboard/sdk'

export type EventFields = Readonly<Record<string, unknown>>

/** The event as it was sent, also when its type is newer than the SDK. */
export function sent({ event }: WorkspaceItem): EventFields {
  return event.event_type === 'unknown' ? event.raw : { ...event }
}

export function typeOf({ event }: WorkspaceItem): string {
  return event.event_type === 'unknown' ? event.actual_type : event.event_type
}

/** Made once for each event: a search looks through twenty thousand of them with every letter. */
const texts = new WeakMap<WorkspaceItem, string>()

function textOf(item: WorkspaceItem): string {
  const known = texts.get(item)
  if (known !== undefined) return known
  const text = `${item.id} ${JSON.stringify(sent(item))}`.toLowerCase()
  texts.set(item, text)
  return text
}

/** Whether an event holds a text, its position included, in upper or lower case. */
export function holding(text: string): (item: WorkspaceItem) => boolean {
  const wanted = text.trim().toLowerCase()
  return wanted === '' ? () => true : (item) => textOf(item).includes(wanted)
}
