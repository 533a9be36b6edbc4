import type { JsonObject } from '@switchboard/contract'

/** One event of a story, with when it happens. Items of a timeline are in the order in which they happen. */
export type TimelineItem =
  /** An event of the workspace stream. */
  | { readonly at: number; readonly ws: JsonObject }
  /** An observer event of one call. */
  | { readonly at: number; readonly obs: JsonObject; readonly call_sid: string }

/** The call an item belongs to, or undefined for an item about something else. */
export function callOf(item: TimelineItem): string | undefined {
  if ('obs' in item) return item.call_sid
  const sid = item.ws.call_sid
  return typeof sid === 'string' ? sid : undefined
}

/** Seconds, to the millisecond, so that a timeline reads well and sums of floats leave no dust. */
export function roundSeconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}
