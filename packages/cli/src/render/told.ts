import type { Told } from '../failure.js'
import { palette } from './palette.js'
import { clean } from './text.js'

/** A failure for people: what is wrong, each place where it is, and what to do. Ends with a line break. */
export function formatTold({ code, message, errors, hint }: Told, colour: boolean): string {
  const colours = palette(colour)
  // A stack, which only comes when it was asked for, has lines of its own.
  const text = code === 'internal' ? message : clean(message)
  const lines = [`${colours.bad('error:')} ${text} ${colours.faint(`[${clean(code)}]`)}`]
  for (const { path, message: what } of errors)
    lines.push(`  ${colours.strong(clean(path === '' ? '/' : path))} ${clean(what)}`)
  if (hint !== undefined) lines.push(`  ${hint}`)
  return `${lines.join('\n')}\n`
}

/** The same as one line of JSON. */
export function toldJson({ code, message, errors, hint, exit }: Told): string {
  return `${JSON.stringify({ error: { code, message, ...(errors.length > 0 ? { errors } : {}), ...(hint === undefined ? {} : { hint }), exit } })}\n`
}
