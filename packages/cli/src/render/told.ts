import type { Told } from '../failure.js'
import { palette } from './palette.js'
import { clean } from './text.js'

/**
 * A failure for people: what is wrong, each place where it is, and what to do. Ends with a line break.
 * @param command How this program is typed here, for advice that names it.
 */
export function formatTold(told: Told, colour: boolean, command = 'switchboard'): string {
  const { code, hint } = told
  const { message, errors } = saidOnce(told)
  const colours = palette(colour)
  // A stack, which only comes when it was asked for, has lines of its own.
  const text = code === 'internal' ? message : clean(message)
  const lines = [`${colours.bad('error:')} ${text} ${colours.faint(`[${clean(code)}]`)}`]
  for (const { path, message: what } of errors)
    lines.push(`  ${colours.strong(clean(path === '' ? '/' : path))} ${clean(what)}`)
  if (hint !== undefined) lines.push(`  ${hint.replaceAll('`switchboard ', `\`${command} `)}`)
  return `${lines.join('\n')}\n`
}

/** The server's message begins with the first fault, for readers of a single line; here every fault has its own. */
function saidOnce({ message, errors }: Told): Pick<Told, 'message' | 'errors'> {
  const [first, ...others] = errors
  if (first === undefined || !message.startsWith(`${first.path} ${first.message}`.trim())) return { message, errors }
  return others.length === 0 ? { message, errors: [] } : { message: 'This does not fit.', errors }
}

/** The same as one line of JSON. */
export function toldJson({ code, message, errors, hint, exit }: Told): string {
  return `${JSON.stringify({ error: { code, message, ...(errors.length > 0 ? { errors } : {}), ...(hint === undefined ? {} : { hint }), exit } })}\n`
}
