import { createHash } from 'node:crypto'
import type { JsonObject } from '@switchboard/contract'
import type { FormFields } from './twilio-signature.js'

/** An event on its way to ingest; `call` names the observer channel it belongs to, none the workspace's. */
export interface SourceEvent {
  readonly call?: string
  readonly event: JsonObject
}

export interface TwilioContext {
  readonly workspace: string
  /** The service that answers this account's calls; derived from the account and its number when not set. */
  readonly serviceId: string | undefined
  /** What is already known of the call: an ended call stays ended. */
  readonly ended: boolean
  readonly escalated: boolean
}

/** Call states that end a call, and what they mean in our words (Twilio's call resource, `CallStatus`). */
const reasons: ReadonlyMap<string, string> = new Map(
  Object.entries({
    completed: 'completed',
    busy: 'no_answer',
    'no-answer': 'no_answer',
    failed: 'error',
    canceled: 'cancelled',
  }),
)

const forwardResults: ReadonlyMap<string, { result: string; error: string | null }> = new Map(
  Object.entries({
    'in-progress': { result: 'success', error: null },
    completed: { result: 'success', error: null },
    busy: { result: 'failed', error: 'busy' },
    'no-answer': { result: 'failed', error: 'no answer' },
    failed: { result: 'failed', error: 'failed' },
    canceled: { result: 'failed', error: 'canceled' },
  }),
)

const field = (fields: FormFields, name: string): string | undefined => fields.get(name)?.[0] || undefined

/**
 * A stable UUID (version 5, RFC 9562) for something Twilio names by account and number, so that every callback of one
 * number speaks of the same service.
 */
export function derivedId(workspace: string, name: string): string {
  const namespace = Buffer.from(workspace.replaceAll('-', ''), 'hex')
  const hash = createHash('sha1').update(namespace).update(`twilio:${name}`).digest().subarray(0, 16)
  hash[6] = ((hash[6] as number) & 0x0f) | 0x50
  hash[8] = ((hash[8] as number) & 0x3f) | 0x80
  const hex = hash.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/**
 * The events that one voice status callback stands for.
 *
 * Callbacks come late, twice and out of order. So each event carries an idempotency key made of the call and the
 * event's kind, and the end of an answered call brings its start along: whichever callback arrives first tells it, the
 * others repeat it, and no stream ever shows an end before its start.
 */
export function mapCallStatus(fields: FormFields, context: TwilioContext): readonly SourceEvent[] {
  const callSid = field(fields, 'CallSid')
  const status = field(fields, 'CallStatus')
  if (callSid === undefined || status === undefined) return []
  const parent = field(fields, 'ParentCallSid')
  if (parent !== undefined) return mapForward(fields, parent, callSid, status)

  const direction = field(fields, 'Direction')?.startsWith('outbound') ? 'outbound' : 'inbound'
  const person = field(fields, direction === 'inbound' ? 'From' : 'To') ?? null
  const number = field(fields, direction === 'inbound' ? 'To' : 'From') ?? ''
  const started: SourceEvent = {
    event: {
      event_type: 'call.started',
      call_sid: callSid,
      direction,
      service_id: context.serviceId ?? derivedId(context.workspace, `${field(fields, 'AccountSid') ?? ''}:${number}`),
      caller_id: person,
      idempotency_key: `twilio:${callSid}:started`,
    },
  }
  if (status === 'in-progress') return context.ended ? [] : [started]

  const reason = reasons.get(status)
  if (reason === undefined) return []
  const ended: SourceEvent = {
    event: {
      event_type: 'call.ended',
      call_sid: callSid,
      direction,
      duration_seconds: secondsOf(field(fields, 'CallDuration')),
      completion_reason: field(fields, 'AnsweredBy')?.startsWith('machine_') ? 'voicemail' : reason,
      escalated: context.escalated,
      idempotency_key: `twilio:${callSid}:ended`,
    },
  }
  return status === 'completed' ? [started, ended] : [ended]
}

/** What is no number of seconds is none: the end of a call is told all the same. */
function secondsOf(text: string | undefined): number {
  const seconds = Number(text)
  return Number.isFinite(seconds) && seconds > 0 ? seconds : 0
}

/** A dialled leg is not a call of its own: it tells how a forward of its parent went. */
function mapForward(fields: FormFields, parent: string, leg: string, status: string): readonly SourceEvent[] {
  const outcome = forwardResults.get(status)
  if (outcome === undefined) return []
  return [
    {
      call: parent,
      event: {
        type: 'forward_call_resolved',
        target_number: field(fields, 'To') ?? null,
        result: outcome.result,
        error: outcome.error,
        idempotency_key: `twilio:${leg}:forward`,
      },
    },
  ]
}

/** What a transcription callback carries, once its `TranscriptionData` is read. */
export interface Transcription {
  readonly callSid: string
  readonly transcriptionSid: string
  readonly sequence: number
  readonly track: 'inbound_track' | 'outbound_track'
  readonly final: boolean
  readonly transcript: string
  readonly confidence: number | undefined
}

/** The transcription in a callback, or undefined when it carries none (started, stopped, error, unreadable data). */
export function readTranscription(fields: FormFields): Transcription | undefined {
  if (field(fields, 'TranscriptionEvent') !== 'transcription-content') return undefined
  const callSid = field(fields, 'CallSid')
  const transcriptionSid = field(fields, 'TranscriptionSid')
  const track = field(fields, 'Track')
  const sequence = Number(field(fields, 'SequenceId'))
  if (callSid === undefined || transcriptionSid === undefined || !Number.isSafeInteger(sequence)) return undefined
  if (track !== 'inbound_track' && track !== 'outbound_track') return undefined
  let data: unknown
  try {
    data = JSON.parse(field(fields, 'TranscriptionData') ?? '')
  } catch {
    return undefined
  }
  if (typeof data !== 'object' || data === null || !('transcript' in data)) return undefined
  if (typeof data.transcript !== 'string') return undefined
  const confidence = 'confidence' in data && typeof data.confidence === 'number' ? data.confidence : undefined
  return {
    callSid,
    transcriptionSid,
    sequence,
    track,
    final: field(fields, 'Final') === 'true',
    transcript: data.transcript,
    confidence: confidence !== undefined && confidence >= 0 && confidence <= 1 ? confidence : undefined,
  }
}

/**
 * The observer event of a transcription. Twilio repeats a whole partial text as it grows; the stream carries what is
 * new, so `spoken` is the partial sent before this one, empty at the start of an utterance.
 * @returns undefined when there is nothing to tell: a caller's partial, or one that only changed what was sent already.
 */
export function mapTranscription(transcription: Transcription, spoken: string): SourceEvent | undefined {
  const { callSid, transcriptionSid, sequence, track, final, transcript, confidence } = transcription
  const idempotency_key = `twilio:${transcriptionSid}:${sequence}:${track}`
  if (track === 'inbound_track') {
    if (!final) return undefined
    const heard = confidence === undefined ? {} : { stt_confidence: confidence }
    const event = { type: 'user_transcript', transcript, state: '', speaker_role: 'caller', ...heard, idempotency_key }
    return { call: callSid, event }
  }
  if (final) {
    const event = { type: 'agent_transcript', transcript, interrupted: false, speaker_role: 'agent', idempotency_key }
    return { call: callSid, event }
  }
  if (!transcript.startsWith(spoken) || transcript.length === spoken.length) return undefined
  return {
    call: callSid,
    event: { type: 'agent_transcript_delta', delta: transcript.slice(spoken.length), idempotency_key },
  }
}
