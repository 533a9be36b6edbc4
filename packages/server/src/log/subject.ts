import { type JsonObject, PATH_ID_PATTERN } from '@switchboard/contract'
import type { Channel } from './channel.js'

/**
 * Whose personal data something holds: each subject has keys of its own, and is erased by destroying them. What belongs
 * to no call and no surface, such as an operator's name, is its workspace's.
 */
export interface Subject {
  readonly kind: 'workspace' | 'call' | 'surface'
  /** The call's or the surface's id; empty for the workspace. */
  readonly id: string
}

export interface SubjectKey {
  /** Which of the subject's keys it is. */
  readonly generation: number
  readonly key: Buffer
}

export const subjectKinds = ['workspace', 'call', 'surface'] as const satisfies readonly Subject['kind'][]

const WORKSPACE: Subject = { kind: 'workspace', id: '' }

export function subjectOf(channel: Channel, event: JsonObject): Subject {
  if (channel.call !== undefined) return { kind: 'call', id: channel.call }
  const { call_sid: call, surface_id: surface } = event
  if (isId(call)) return { kind: 'call', id: call }
  return isId(surface) ? { kind: 'surface', id: surface } : WORKSPACE
}

/**
 * Where fields of any name may pass, one of these names may hold anything. A subject's id is stored in clear text, so that
 * only what can be an id of the routes that erase is taken for one.
 */
function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value)
}

const ID = new RegExp(PATH_ID_PATTERN)

/** A text that no two subjects share. */
export function nameOfSubject({ kind, id }: Subject): string {
  return `${kind}/${id}`
}
