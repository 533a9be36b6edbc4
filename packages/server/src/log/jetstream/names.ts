import { createHash } from 'node:crypto'
import type { Channel } from '../channel.js'

/**
 * What things are called in JetStream.
 *
 *     stream SB_EVENTS_<partition>    sb.<partition>.ws.<workspace>.<type>              a workspace's entries
 *                                     sb.<partition>.call.<workspace>.<call>.<type>     a call's
 *                                     sb.<partition>.control                            retention and erasure
 *     stream SB_AUDIT                 sb.audit.<workspace>                              pages of its audit trail
 *     stream SB_CHECKPOINTS           sb.checkpoint.<partition>.<id>                    what a newcomer starts from
 *
 * Subjects say for whom and of what kind a message is, so that a channel can be purged, and others can subscribe to a
 * part of it. They are never read back: the message itself says all of it again.
 */
export const CHECKPOINT_STREAM = 'SB_CHECKPOINTS'

export const AUDIT_STREAM = 'SB_AUDIT'
export const auditSubjects = 'sb.audit.*'

export function auditSubject(workspace: string): string {
  return `sb.audit.${token(workspace)}`
}

export function eventStream(partition: number): string {
  return `SB_EVENTS_${partition}`
}

export function eventSubjects(partition: number): string[] {
  return [`sb.${partition}.ws.>`, `sb.${partition}.call.>`, controlSubject(partition)]
}

export function controlSubject(partition: number): string {
  return `sb.${partition}.control`
}

/** Every subject of a channel's entries, as a filter. */
export function channelFilter(partition: number, channel: Channel): string {
  return `${channelPrefix(partition, channel)}.>`
}

/** The subject of an append: of its events' type, or `batch` when they have several. */
export function channelSubject(partition: number, channel: Channel, types: readonly string[]): string {
  const [first] = types
  const type = first !== undefined && types.every((each) => each === first) ? first : 'batch'
  return `${channelPrefix(partition, channel)}.${type.split('.').map(token).join('.')}`
}

export const checkpointSubjects = 'sb.checkpoint.>'

export function checkpointSubject(partition: number, id: string): string {
  return `sb.checkpoint.${partition}.${id}`
}

/** Where a workspace's channels are kept: always the same place for the same number of partitions. */
export function partitionOf(workspace: string, partitions: number): number {
  if (partitions === 1) return 0
  return createHash('sha256').update(workspace).digest().readUInt32BE(0) % partitions
}

function channelPrefix(partition: number, { workspace, call }: Channel): string {
  return call === undefined
    ? `sb.${partition}.ws.${token(workspace)}`
    : `sb.${partition}.call.${token(workspace)}.${token(call)}`
}

/** An id as one token of a subject: whatever means something there, or is no ASCII, is written as `%XX`. */
function token(text: string): string {
  if (text === '') return '%'
  return encodeURIComponent(Buffer.from(text).toString()).replace(
    /[.*~!'()]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
