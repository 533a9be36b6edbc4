import { pointer, SwitchboardError } from '@switchboard/contract'
import { shortened } from './visible.js'

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
  return new SwitchboardError(code, `${shortened(name)}: ${message}`, { errors: [{ path: pointer([name]), message }] })
}

/** Of a continuation that no list gave, or one whose place is gone. */
export function refusedContinuation(): SwitchboardError {
  return refusedParameter('continuation_token', 'is not one of this list, or no longer; leave it out to begin again')
}
