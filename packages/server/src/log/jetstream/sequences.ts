/**
 * Positions from stream sequences: an append is one message, and its entries take the places behind it.
 *
 *     message 41 with 3 events   ->   sequences 41984, 41985, 41986
 *     message 42 with 1 event    ->   43008
 *
 * Every gateway gives an entry the same position, whatever it has seen before. A partition has room for 8.7 million
 * million messages: 27 years at ten thousand a second.
 */
const ENTRIES_PER_MESSAGE = 1024

/** Events that one append may hold here. */
export const APPEND_EVENTS_MAX = ENTRIES_PER_MESSAGE

/** The sequence of a message's first entry. */
export function firstSequence(message: number): number {
  return message * ENTRIES_PER_MESSAGE
}
