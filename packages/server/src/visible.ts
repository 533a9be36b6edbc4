/** Control characters, halves of surrogate pairs, and what changes how the text around it looks or where its lines end. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** A text that may hold what somebody sent, for people to read: what nobody would see is written out. */
export function visible(text: string): string {
  return text.replaceAll(UNSEEN, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`)
}

/** Longest part of what was sent that is repeated. */
const SHOWN_CHARS_MAX = 80

/** What was sent, without what nobody would see, and with an end. */
export function shortened(text: string): string {
  return visible(cut(text))
}

/** The same in quotes, on one line. */
export function quoted(text: string): string {
  return visible(JSON.stringify(cut(text)))
}

function cut(text: string): string {
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text
}
