import twilio from 'twilio'
import { expect, test } from 'vitest'
import WebSocket from 'ws'
import { eventsOf, type Json, readStream, TestServer } from '../kit.js'

const TOKEN = '0123456789abcdef0123456789abcdef'
const CALL = 'CA00112233445566778899aabbccddeeff'
const TRANSCRIPTION = 'GT00112233445566778899aabbccddeeff'
const SERVICE = '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01'

async function connect(): Promise<{ server: TestServer; send: (fields: Json, token?: string) => Promise<Response> }> {
  const server = await TestServer.start()
  await server.request('PUT', `/v1/${server.workspace}/sources/twilio/secret`, {
    auth_token: TOKEN,
    service_id: SERVICE,
  })
  const url = `${server.url}/v1/${server.workspace}/sources/twilio`
  const send = (fields: Json, token = TOKEN) => {
    const params = {
      CallSid: CALL,
      AccountSid: 'AC1',
      From: '+15550142',
      To: '+15550107',
      Direction: 'inbound',
      ...fields,
    }
    return fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': twilio.getExpectedTwilioSignature(token, url, params),
      },
      body: new URLSearchParams(params as Record<string, string>),
    })
  }
  return { server, send }
}

const speech = (SequenceId: number, Track: string, transcript: string, Final = 'true') => ({
  TranscriptionEvent: 'transcription-content',
  TranscriptionSid: TRANSCRIPTION,
  SequenceId: String(SequenceId),
  Track,
  Final,
  TranscriptionData: JSON.stringify({ transcript, confidence: 0.9 }),
})

test('a signed call, from ringing through transcripts to the end, arrives on the stream and in its observer, in order, once', async () => {
  const { server, send } = await connect()
  const stream = readStream(server, (frames) => frames.some(({ type }) => type === 'call.ended'))

  for (const CallStatus of ['ringing', 'in-progress']) expect((await send({ CallStatus })).status).toBe(204)
  const messages: Json[] = []
  const observer = new WebSocket(
    `ws://127.0.0.1:${server.port}/v1/${server.workspace}/observers/${CALL}/ws?history=all`,
    ['auth', server.adminKey],
  )
  observer.on('message', (text) => messages.push(JSON.parse(String(text))))
  const closed = new Promise<[number, string]>((resolve) =>
    observer.on('close', (code, reason) => resolve([code, String(reason)])),
  )

  expect(
    (await send({ TranscriptionEvent: 'transcription-started', TranscriptionSid: TRANSCRIPTION, SequenceId: '1' }))
      .status,
  ).toBe(204)
  await send(speech(2, 'outbound_track', 'Harbor', 'false'))
  await send(speech(3, 'outbound_track', 'Harbor Clinic, how can I help?', 'false'))
  await send(speech(4, 'outbound_track', 'Harbor Clinic, how can I help?'))
  // The later one arrives first, and one arrives twice: Twilio promises neither order nor once.
  await Promise.all([
    send(speech(6, 'outbound_track', 'Of course.')),
    send(speech(5, 'inbound_track', 'I need to move my visit.')),
    send(speech(5, 'inbound_track', 'I need to move my visit.')),
  ])
  expect((await send({ CallStatus: 'completed', CallDuration: '42' })).status).toBe(204)
  for (const CallStatus of ['in-progress', 'completed', 'ringing']) {
    expect((await send({ CallStatus, CallDuration: '42' })).status).toBe(204)
  }

  expect(eventsOf(await stream).map(({ data }) => data)).toEqual([
    { event_type: 'call.started', call_sid: CALL, direction: 'inbound', service_id: SERVICE, caller_id: '+15550142' },
    {
      event_type: 'call.ended',
      call_sid: CALL,
      direction: 'inbound',
      duration_seconds: 42,
      completion_reason: 'completed',
      escalated: false,
    },
  ])
  const checker = await server.frames()
  for (const message of messages) expect(checker.observer(message)).toBeUndefined()
  const [code, reason] = await closed
  expect([code, reason.split(':')[0]]).toEqual([1000, 'call_ended'])
  const told = messages
    .filter(({ type }) => type !== undefined)
    .map(({ type, transcript, delta }) => [type, transcript ?? delta])
  expect(told.filter(([type]) => type !== 'session_live')).toEqual([
    ['session_info', undefined],
    ['agent_transcript_delta', 'Harbor'],
    ['agent_transcript_delta', ' Clinic, how can I help?'],
    ['agent_transcript', 'Harbor Clinic, how can I help?'],
    ['user_transcript', 'I need to move my visit.'],
    ['agent_transcript', 'Of course.'],
    ['session_end', undefined],
  ])
  const history = await server.request('GET', `/v1/${server.workspace}/events`)
  expect(history.items).toHaveLength(2)
})

test('an end that overtakes its start still tells both, in order', async () => {
  const { server, send } = await connect()
  await send({ CallStatus: 'completed', CallDuration: '7' })
  await send({ CallStatus: 'in-progress' })
  const { items } = await server.request('GET', `/v1/${server.workspace}/events`)
  expect((items as Json[]).map(({ event_type }) => event_type)).toEqual(['call.started', 'call.ended'])
})

test('a request with another signature is refused alike for known and unknown workspaces, and leaves nothing', async () => {
  const { server, send } = await connect()
  const forged = await send({ CallStatus: 'completed' }, 'f'.repeat(32))
  expect(forged.status).toBe(403)
  const problem = (await forged.json()) as Json
  expect(problem.code).toBe('invalid_signature')
  const elsewhere = await fetch(`${server.url}/v1/00000000-0000-7000-8000-000000000000/sources/twilio`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': 'x' },
    body: 'CallSid=CA1',
  })
  const other = (await elsewhere.json()) as Json
  expect([elsewhere.status, other.code, other.detail]).toEqual([403, problem.code, problem.detail])
  expect((await server.request('GET', `/v1/${server.workspace}/events`)).items).toEqual([])
})
