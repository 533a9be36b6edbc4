import type { Draft } from '../draft.js'
import type { Environment } from '../environment.js'
import { endOf, numbered } from '../keys.js'
import { sealJson, unseal } from '../seal.js'

/**
 * Which messages left less than they held: repeats, and what was refused. Few do. A newcomer that reads old messages
 * again cannot decide as was decided then, for it does not know all that came before, and asks here.
 */
interface Partial {
  /** The stream's time, unix ms: it can be forgotten with the entries of that time. */
  readonly time: number
  /** Indexes of the events that were stored. */
  readonly stored: readonly number[]
}

export const PARTIAL_PREFIX = Buffer.from('partial:')

/** Most of them that one step forgets. */
const FORGET_STEP = 1000

export function rememberPartial(
  draft: Draft,
  { sequence, time }: { readonly sequence: number; readonly time: number },
  stored: readonly number[],
): void {
  const key = numbered(PARTIAL_PREFIX, sequence)
  draft.put('meta', key, sealJson(key, { time, stored } satisfies Partial))
}

/** Indexes of the events that a message left, or undefined when it left them all. */
export function storedOf(environment: Pick<Environment, 'get'>, sequence: number): readonly number[] | undefined {
  const key = numbered(PARTIAL_PREFIX, sequence)
  const value = environment.get('meta', key)
  const payload = value && unseal(key, value)
  return payload && (JSON.parse(payload.toString()) as Partial).stored
}

/** Plans to forget those of messages older than `before`; their order is the stream's, and so that of time. */
export function forgetPartials(environment: Environment, draft: Draft, before: number): void {
  const range = { start: PARTIAL_PREFIX, end: endOf(PARTIAL_PREFIX), limit: FORGET_STEP }
  for (const { key, value } of environment.range('meta', range)) {
    const payload = unseal(key, value)
    if (payload && (JSON.parse(payload.toString()) as Partial).time >= before) break
    draft.remove('meta', key)
  }
}
