import type { Draft } from '../draft.js'
import type { Environment } from '../environment.js'
import { sealJson, unseal } from '../seal.js'

/** How far a copy has come. */
export interface Applied {
  /** The last message whose effects are in the copy. */
  readonly sequence: number
  /** The stream's time of it, unix ms. */
  readonly time: number
  /** Where following begins again: behind `sequence`, or earlier, where a batch begins that is not complete yet. */
  readonly from: number
  /** When the stream was made: a stream that was made anew begins at 1 with other messages. */
  readonly stream: string
}

const KEY = Buffer.from('applied')

/** What the copy says of itself; undefined when it is new, or not whole. */
export function readApplied(environment: Pick<Environment, 'get'>): Applied | undefined {
  const value = environment.get('meta', KEY)
  const payload = value && unseal(KEY, value)
  return payload && (JSON.parse(payload.toString()) as Applied)
}

/** Plans it together with the effects, so that none is ever there without the other. */
export function writeApplied(draft: Draft, applied: Applied): void {
  draft.put('meta', KEY, sealJson(KEY, applied))
}
