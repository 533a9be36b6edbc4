import { type ExtraFields, limits, SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import type { Ingest } from '../ingest/ingest.js'
import type { Log } from '../log/log.js'
import { Ordering } from './ordering.js'
import { mapCallStatus, mapTranscription, readTranscription, type SourceEvent } from './twilio-map.js'
import { type FormFields, isSignedByTwilio, parseForm } from './twilio-signature.js'

/** What a workspace has set for its Twilio account. */
export interface TwilioSettings {
  readonly authToken: string
  readonly serviceId: string | undefined
  readonly extraFields: ExtraFields
}

export interface TwilioDeps {
  readonly ingest: Ingest
  readonly log: Log
  readonly clock: Clock
  /**
   * Undefined when the workspace does not exist or has set no secret: both are answered alike.
   * @param fresh Asks first what other processes have set.
   */
  settings(workspace: string, fresh: boolean): Promise<TwilioSettings | undefined>
}

/** A callback as it came. */
export interface TwilioRequest {
  readonly workspace: string
  /** The whole address that Twilio called, query included: the signature covers it. */
  readonly url: string
  readonly signature: string | undefined
  readonly body: string
}

export interface TwilioSource {
  /**
   * Resolves when the events of the callback are durable, or when it stands for none. Repeats change nothing.
   * @throws SwitchboardError `invalid_signature`, and what ingest throws.
   */
  receive(request: TwilioRequest): Promise<void>
}

/** Compared against when there is no secret, so that the answer takes as long. */
const NO_TOKEN = '\0'

/** Turns Twilio's voice status and real-time transcription callbacks into events (docs/twilio.md). */
export function createTwilioSource({ ingest, log, clock, settings }: TwilioDeps): TwilioSource {
  const ordering = new Ordering(clock)
  /** The partial text sent last, by call and track. Lost at a restart, which costs one repeated delta at most. */
  const spoken = new Map<string, string>()

  async function store(workspace: string, extraFields: ExtraFields, events: readonly SourceEvent[]): Promise<void> {
    for (const { call, event } of events) {
      const channel = call === undefined ? { workspace } : { workspace, call }
      try {
        await ingest.publishEvents({ channel, keyId: 'source:twilio', extraFields }, [event])
      } catch (error) {
        // The key was used for what an earlier callback said of the same thing, in other words. The first one stands.
        if (!(error instanceof SwitchboardError && error.code === 'idempotency_key_reused')) throw error
      }
    }
  }

  async function status(
    workspace: string,
    fields: FormFields,
    { serviceId, extraFields }: TwilioSettings,
  ): Promise<void> {
    const callSid = fields.get('CallSid')?.[0] ?? ''
    await ordering.afterAll(`${workspace}/${callSid}`, async () => {
      const known = await log.record(workspace, 'calls', callSid)
      const context = {
        workspace,
        serviceId,
        ended: known?.record.status === 'ended',
        escalated: known?.record.escalated === true,
      }
      await store(workspace, extraFields, mapCallStatus(fields, context))
    })
  }

  async function transcription(workspace: string, fields: FormFields, { extraFields }: TwilioSettings): Promise<void> {
    const callSid = fields.get('CallSid')?.[0] ?? ''
    const sid = fields.get('TranscriptionSid')?.[0] ?? ''
    const sequence = Number(fields.get('SequenceId')?.[0])
    if (!Number.isSafeInteger(sequence) || sequence < 1) return
    await ordering.inTurn(`${workspace}/${callSid}`, sid, sequence, async () => {
      const said = readTranscription(fields)
      if (said === undefined) return
      const key = `${workspace}/${sid}/${said.track}`
      const event = mapTranscription(said, spoken.get(key) ?? '')
      if (said.final) spoken.delete(key)
      if (event === undefined) return
      await store(workspace, extraFields, [event])
      if (!said.final) remember(spoken, key, said.transcript)
    })
  }

  return {
    async receive({ workspace, url, signature, body }) {
      const fields = parseForm(body)
      const signedFor = async (fresh: boolean): Promise<TwilioSettings | undefined> => {
        const set = await settings(workspace, fresh)
        return isSignedByTwilio(set?.authToken ?? NO_TOKEN, url, fields, signature ?? '') ? set : undefined
      }
      // What does not fit here may fit what another process has just set.
      const set = (await signedFor(false)) ?? (await signedFor(true))
      if (set === undefined) {
        throw new SwitchboardError(
          'invalid_signature',
          'X-Twilio-Signature does not match, or no Twilio auth token is set for this workspace. The address that Twilio calls must be the one in SWITCHBOARD_PUBLIC_URL',
        )
      }
      if (fields.has('TranscriptionEvent')) await transcription(workspace, fields, set)
      else await status(workspace, fields, set)
    },
  }
}

/** Utterances remembered at a time; more are being spoken at once only on thousands of calls. */
const UTTERANCES_MAX = 10_000

function remember(spoken: Map<string, string>, key: string, transcript: string): void {
  spoken.set(key, transcript.slice(0, limits.eventBytesMax))
  for (const oldest of spoken.keys()) {
    if (spoken.size <= UTTERANCES_MAX) break
    spoken.delete(oldest)
  }
}
