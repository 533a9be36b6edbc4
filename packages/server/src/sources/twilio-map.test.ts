import twilio from 'twilio'
import { describe, expect, test } from 'vitest'
import { derivedId, mapCallStatus, mapTranscription, readTranscription } from './twilio-map.js'
import { isSignedByTwilio, parseForm } from './twilio-signature.js'

const WORKSPACE = '0192f0c1-2d3e-7a4b-8c5d-6e7f80910213'
const TOKEN = '12345678901234567890123456789012'
const context = { workspace: WORKSPACE, serviceId: undefined, ended: false, escalated: false }

const form = (fields: Record<string, string>) => parseForm(new URLSearchParams(fields).toString())
const call = (fields: Record<string, string>) => ({
  CallSid: 'CA00112233445566778899aabbccddeeff',
  AccountSid: 'AC00112233445566778899aabbccddeeff',
  From: '+15550142',
  To: '+15550107',
  Direction: 'inbound',
  ...fields,
})

describe('the signature', () => {
  const url = 'https://voice.example.com/v1/w/sources/twilio?service_id=front%20desk'
  const params = call({ CallStatus: 'completed', Body: 'ä & = + 日本' })

  test('that the official library makes is accepted', () => {
    const signature = twilio.getExpectedTwilioSignature(TOKEN, url, params)
    expect(isSignedByTwilio(TOKEN, url, form(params), signature)).toBe(true)
  })

  test('is accepted for the same address with the default port written out, and the other way round', () => {
    const withPort = url.replace('.com/', '.com:443/')
    expect(isSignedByTwilio(TOKEN, url, form(params), twilio.getExpectedTwilioSignature(TOKEN, withPort, params))).toBe(
      true,
    )
    expect(isSignedByTwilio(TOKEN, withPort, form(params), twilio.getExpectedTwilioSignature(TOKEN, url, params))).toBe(
      true,
    )
  })

  test('of another token, address or body is refused', () => {
    const signature = twilio.getExpectedTwilioSignature(TOKEN, url, params)
    expect(isSignedByTwilio('x'.repeat(32), url, form(params), signature)).toBe(false)
    expect(isSignedByTwilio(TOKEN, `${url}1`, form(params), signature)).toBe(false)
    expect(isSignedByTwilio(TOKEN, url.replace('.com/', '.com:8443/'), form(params), signature)).toBe(false)
    expect(isSignedByTwilio(TOKEN, url, form({ ...params, From: '+15550143' }), signature)).toBe(false)
    expect(isSignedByTwilio(TOKEN, url, form(params), '')).toBe(false)
  })

  test('counts every value of a field that comes several times, as the official library does', () => {
    const many = { Digits: ['2', '1', '2'] }
    const signature = twilio.getExpectedTwilioSignature(TOKEN, url, many as never)
    expect(isSignedByTwilio(TOKEN, url, parseForm('Digits=2&Digits=1&Digits=2'), signature)).toBe(true)
  })
})

describe('a call', () => {
  test('of a state that only JavaScript has a name for says nothing', () => {
    for (const CallStatus of ['constructor', 'toString', '__proto__']) {
      expect(mapCallStatus(form(call({ CallStatus })), context)).toEqual([])
      expect(mapCallStatus(form(call({ CallStatus, ParentCallSid: 'CA1' })), context)).toEqual([])
    }
  })

  test.each(['1e999', '-3', 'NaN', 'x', ''])('that lasted %j seconds has ended all the same', (CallDuration) => {
    const told = mapCallStatus(form(call({ CallStatus: 'completed', CallDuration })), context)
    expect(told.at(-1)?.event).toMatchObject({ event_type: 'call.ended', duration_seconds: 0 })
  })

  test('that is answered has started, with the caller and a service that stays the same', () => {
    const events = mapCallStatus(form(call({ CallStatus: 'in-progress' })), context)
    expect(events).toEqual([
      {
        event: {
          event_type: 'call.started',
          call_sid: 'CA00112233445566778899aabbccddeeff',
          direction: 'inbound',
          service_id: derivedId(WORKSPACE, 'AC00112233445566778899aabbccddeeff:+15550107'),
          caller_id: '+15550142',
          idempotency_key: 'twilio:CA00112233445566778899aabbccddeeff:started',
        },
      },
    ])
    expect(events[0]?.event.service_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  test('that Twilio dialled is outbound, and its person is the one called', () => {
    const [started] = mapCallStatus(form(call({ CallStatus: 'in-progress', Direction: 'outbound-api' })), context)
    expect(started?.event).toMatchObject({ direction: 'outbound', caller_id: '+15550107' })
  })

  test('that is completed brings its start along, so that the order is right whichever callback comes first', () => {
    const events = mapCallStatus(form(call({ CallStatus: 'completed', CallDuration: '97' })), context)
    expect(events.map(({ event }) => event.event_type)).toEqual(['call.started', 'call.ended'])
    expect(events[1]?.event).toMatchObject({ duration_seconds: 97, completion_reason: 'completed', escalated: false })
  })

  test.each([
    ['busy', 'no_answer'],
    ['no-answer', 'no_answer'],
    ['failed', 'error'],
    ['canceled', 'cancelled'],
  ])('that was %s ends as %s, and never started', (CallStatus, completion_reason) => {
    const events = mapCallStatus(form(call({ CallStatus })), context)
    expect(events.map(({ event }) => [event.event_type, event.completion_reason])).toEqual([
      ['call.ended', completion_reason],
    ])
  })

  test('answered by a machine ends as voicemail', () => {
    const events = mapCallStatus(form(call({ CallStatus: 'completed', AnsweredBy: 'machine_end_beep' })), context)
    expect(events[1]?.event.completion_reason).toBe('voicemail')
  })

  test('that has ended stays ended when an earlier callback comes late', () => {
    expect(mapCallStatus(form(call({ CallStatus: 'in-progress' })), { ...context, ended: true })).toEqual([])
    expect(mapCallStatus(form(call({ CallStatus: 'ringing' })), context)).toEqual([])
  })

  test('that dials on tells its parent how the forward went, and is no call of its own', () => {
    const leg = call({ CallSid: 'CAchild', ParentCallSid: 'CAparent', Direction: 'outbound-dial', CallStatus: 'busy' })
    expect(mapCallStatus(form(leg), context)).toEqual([
      {
        call: 'CAparent',
        event: {
          type: 'forward_call_resolved',
          target_number: '+15550107',
          result: 'failed',
          error: 'busy',
          idempotency_key: 'twilio:CAchild:forward',
        },
      },
    ])
  })
})

describe('a transcription', () => {
  const content = (
    fields: Record<string, string>,
    data: unknown = { transcript: 'I need to move my visit.', confidence: 0.93 },
  ) =>
    form(
      call({
        TranscriptionEvent: 'transcription-content',
        TranscriptionSid: 'GT1',
        SequenceId: '4',
        Track: 'inbound_track',
        Final: 'true',
        TranscriptionData: typeof data === 'string' ? data : JSON.stringify(data),
        ...fields,
      }),
    )
  const mapped = (fields: Record<string, string>, data?: unknown, spoken = '') => {
    const transcription = readTranscription(content(fields, data))
    return transcription && mapTranscription(transcription, spoken)
  }

  test("of the caller's finished words is a user transcript with its confidence", () => {
    expect(mapped({})).toEqual({
      call: 'CA00112233445566778899aabbccddeeff',
      event: {
        type: 'user_transcript',
        transcript: 'I need to move my visit.',
        state: '',
        speaker_role: 'caller',
        stt_confidence: 0.93,
        idempotency_key: 'twilio:GT1:4:inbound_track',
      },
    })
  })

  test("of the agent's growing words is the part that is new", () => {
    const partial = { Track: 'outbound_track', Final: 'false' }
    expect(mapped(partial, { transcript: 'Harbor Clinic, how' }, 'Harbor')?.event).toMatchObject({
      type: 'agent_transcript_delta',
      delta: ' Clinic, how',
    })
    expect(mapped(partial, { transcript: 'Harbour' }, 'Harbor Clinic')).toBeUndefined()
    expect(mapped({ Track: 'outbound_track' }, { transcript: 'Harbor Clinic, how can I help?' })?.event).toMatchObject({
      type: 'agent_transcript',
      transcript: 'Harbor Clinic, how can I help?',
    })
  })

  test('that cannot be read carries nothing', () => {
    for (const data of ['', '{', '[]', 'null', '{"transcript":7}', '{}'])
      expect(readTranscription(content({}, data))).toBeUndefined()
    expect(readTranscription(content({ Track: 'both_tracks' }))).toBeUndefined()
    expect(readTranscription(content({ SequenceId: 'x' }))).toBeUndefined()
    expect(readTranscription(content({ TranscriptionEvent: 'transcription-stopped' }))).toBeUndefined()
  })
})
