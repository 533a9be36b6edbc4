/** Control characters, halves of surrogate pairs, and what changes how the text around it looks or where its lines end. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** A text that may hold what somebody sent, for people to read: what nobody would see is written out. */
export function visible(text: string): string {
  return text.replaceAll(UNSEEN, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`)
}
