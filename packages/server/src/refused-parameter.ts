import { pointer, SwitchboardError } from '@switchboard/contract'
import { visible } from './visible.js'

/** More of a name than anybody needs to find it again. */
const CHARS_MAX = 40

/**
 * The failure of a request that has something wrong in a parameter.
 * @param name The parameter, as it was sent.
 * @param message What is wrong with it, and what is accepted.
 */
export function refusedParameter(
  name: string,
  message: string,
  code: 'invalid_parameter' | 'invalid_position' = 'invalid_parameter',
): SwitchboardError {
  const told = visible(shortened(name))
  return new SwitchboardError(code, `${told}: ${message}`, { errors: [{ path: pointer([name]), message }] })
}

/** Of a continuation that no list gave, or one whose place is gone. */
export function refusedContinuation(): SwitchboardError {
  return refusedParameter('continuation_token', 'is not one of this list, or no longer; leave it out to begin again')
}

/** What was sent, short and without characters that nobody sees. */
export function quoted(text: string): string {
  return visible(JSON.stringify(shortened(text)))
}

function shortened(text: string): string {
  return text.length > CHARS_MAX ? `${text.slice(0, CHARS_MAX)}…` : text
}
