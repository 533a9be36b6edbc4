import type { JsMsg, StoredMsg } from '@nats-io/jetstream'
import type { JsonObject } from '@switchboard/contract'

/**
 * What records are called in JetStream: they are a key-value bucket like any other, so that `nats kv` reads it too.
 *
 *     bucket sb_records     <kind>.<key in base64url>     the value as JSON; what was deleted keeps a marker
 *
 * A key keeps its last message alone, so that reading the stream from its beginning gives what the records are now.
 */
export const BUCKET = 'sb_records'
export const BUCKET_STREAM = `KV_${BUCKET}`

const PREFIX = `$KV.${BUCKET}.`
/** Every message of the bucket. */
export const BUCKET_SUBJECTS = `${PREFIX}>`

export const OPERATION_HEADER = 'KV-Operation'
export const DELETED = 'DEL'
/** How `nats kv purge` marks what it removes. */
const PURGED = 'PURGE'

export interface RecordName {
  readonly kind: string
  readonly key: string
}

/** What a key has had since a message. */
export interface Revision {
  readonly subject: string
  /** The message's, in the stream. */
  readonly sequence: number
  /** The value as JSON; undefined when it was deleted, or is nothing that a store has written. */
  readonly text: string | undefined
}

export function subjectOf({ kind, key }: RecordName): string {
  return `${PREFIX}${kind}.${Buffer.from(key).toString('base64url')}`
}

/** Undefined for the subject of a message that no store has written. */
export function nameOf(subject: string): RecordName | undefined {
  const [kind = '', encoded = '', ...more] = subject.slice(PREFIX.length).split('.')
  const key = Buffer.from(encoded, 'base64url').toString()
  return more.length === 0 && subjectOf({ kind, key }) === subject ? { kind, key } : undefined
}

export function revisionOf(message: JsMsg | StoredMsg): Revision {
  const { subject, seq: sequence } = message
  const headers = 'headers' in message ? message.headers : message.header
  const operation = headers?.get(OPERATION_HEADER) ?? ''
  const isDeleted = operation === DELETED || operation === PURGED
  const text = isDeleted ? undefined : Buffer.from(message.data).toString()
  return { subject, sequence, text: text !== undefined && isObject(text) ? text : undefined }
}

export function parseValue(text: string): JsonObject {
  return JSON.parse(text) as JsonObject
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}
