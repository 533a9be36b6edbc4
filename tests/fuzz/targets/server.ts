import { createHmac } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { builtinCatalogue, type FailureCode, failures, limits, SwitchboardError } from '@switchboard/contract'
import { createAccessTokens } from '../../../packages/server/src/access/access-tokens.js'
import { readCredential } from '../../../packages/server/src/access/credential.js'
import { digest } from '../../../packages/server/src/access/secret-text.js'
import { problemOf } from '../../../packages/server/src/http/problems.js'
import { typedQuery } from '../../../packages/server/src/http/query.js'
import { keyTokens } from '../../../packages/server/src/http/read-records.js'
import { eventsOfBody } from '../../../packages/server/src/ingest/body.js'
import { idempotencyKeyOf } from '../../../packages/server/src/ingest/idempotency.js'
import { parseJson } from '../../../packages/server/src/ingest/json.js'
import { splitLines } from '../../../packages/server/src/ingest/lines.js'
import { channelKind, decodeFrame, encodeFrame } from '../../../packages/server/src/log/block.js'
import { decodeBlock, encodeBlocks } from '../../../packages/server/src/log/codec.js'
import {
  decodeMessage,
  encodeAppend,
  encodeCarry,
  encodeErase,
  encodeParts,
  encodeRetain,
} from '../../../packages/server/src/log/jetstream/message.js'
import { Parts } from '../../../packages/server/src/log/jetstream/parts.js'
import { channelKey } from '../../../packages/server/src/log/keys.js'
import { SEAL_BYTES, sealInPlace } from '../../../packages/server/src/log/seal.js'
import { settingList } from '../../../packages/server/src/ops/settings.js'
import { mapCallStatus, mapTranscription, readTranscription } from '../../../packages/server/src/sources/twilio-map.js'
import { parseForm } from '../../../packages/server/src/sources/twilio-signature.js'
import { credentialOf, observerTarget } from '../../../packages/server/src/transport/handshake.js'
import { parseObserverQuery, parseStreamQuery } from '../../../packages/server/src/transport/query.js'
import { leadsSomewhere } from '../pointer.js'
import { hold, type Target } from '../target.js'

/** More than this a refusal need not say; a log line and a header have to bear it. */
const DETAIL_CHARS_MAX = 16 * 1024

/** The value, or undefined when it was refused as documented. */
function orRefused<T>(parse: () => T, codes: readonly FailureCode[], root?: unknown): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof SwitchboardError)) throw error
    hold(codes.includes(error.code), `refused as ${error.code}: ${error.detail}`)
    // A close reason tells the detail as it is, a problem makes visible what nobody would see.
    const detail = 'close' in failures[error.code] ? error.detail : String(problemOf(error, 'one').body.detail)
    hold(detail !== '' && detail.length <= DETAIL_CHARS_MAX, `a detail of ${detail.length} characters`)
    hold(!/\p{Cc}/u.test(detail), 'a detail holds control characters')
    for (const { path } of error.errors ?? []) hold(leadsSomewhere(root, path), `${path} leads nowhere`)
    return undefined
  }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** The first line of an input, and the rest. */
function headAndRest(bytes: Buffer): [string, string] {
  const text = bytes.toString()
  const end = text.indexOf('\n')
  return end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end + 1)]
}

export const query: Target = {
  name: 'query',
  seeds: [
    '\ntypes=call.*,operator.joined_call&call_sid=CA1&call_sid=CA2&since=15m',
    '1763788800123-42\nlast_event_id=1-1&since=2026-01-31T09:30:00Z',
    'x\nafter=5&history=all&types=agent_*',
    '\naccess_token=a.b.c&surface_id=&entity_id=%00',
    '\nlimit=5&continuation_token=Q0Ex&status=active',
    '\nsince=2026-01-31T09:30',
    '\nsince=2026-01-31T09:30:00.123456789%2B01:00',
  ],
  words: [
    'types=',
    'since=',
    'last_event_id=',
    'call_sid=',
    'after=',
    'history=',
    'access_token=',
    'd',
    'ms',
    'T',
    'Z',
    '+',
    ':',
  ],
  run(bytes) {
    const [header, text] = headAndRest(bytes)
    const refusals = ['invalid_parameter', 'invalid_position'] as const
    const flat = Object.fromEntries(new URLSearchParams(text))
    for (const parse of [
      () =>
        parseStreamQuery(builtinCatalogue, new URLSearchParams(text), { 'last-event-id': header }, 1_763_788_800_000),
      () => parseObserverQuery(builtinCatalogue, new URLSearchParams(text)),
    ]) {
      const { start, view } = orRefused(parse, refusals, flat) ?? {}
      if (start?.kind === 'from')
        hold(Number.isSafeInteger(start.time) && start.time >= 0, `it starts at ${start.time}`)
      if (start?.kind === 'malformed') hold(start.text === header, 'another text is called malformed')
      for (const values of Object.values(view?.fields ?? {})) {
        hold(values.length <= limits.filterValuesMax, 'a filter has too many values')
      }
    }
    const schemas = { limit: { type: 'integer' }, types: { type: 'array' }, since: {} }
    orRefused(() => typedQuery(flat, schemas), refusals, flat)
    const key = orRefused(() => keyTokens.keyOf(text), refusals, { continuation_token: text })
    if (key !== undefined) hold(keyTokens.of(key) === text, 'a token that no list gave')
  },
}

export const headers: Target = {
  name: 'headers',
  seeds: [
    'Bearer sb_7Qm2xVtB9cLd_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ\nauth, abc.def.ghi',
    'bearer  x\nauth',
    'Basic eDp5\nauth, auth, x',
    `Bearer ${'x'.repeat(4097)}\n`,
    '\n/v1/w/observers/CA1/ws?after=5',
  ],
  words: ['Bearer ', 'auth', ', ', ',', 'sb_', '.', '/v1/', '/observers/', '/ws', '?access_token=', '%2f', '%zz'],
  run(bytes) {
    const [first, rest] = headAndRest(bytes)
    // The HTTP parser and the WebSocket library let no other values through.
    const isHeader = !/[\p{Cc}]/u.test(first) && /^([\w!#$%&'*+.^`|~-]+(, ?|$))*$/.test(rest)
    /** What is refused is a secret as often as not. */
    const secretly = (parse: () => string | undefined): void => {
      try {
        const credential = parse()
        if (credential === undefined) return
        hold(!isHeader || !/\s/.test(credential), 'a credential holds a space')
        hold(`${first}\n${rest}`.includes(credential), 'a credential that nobody sent')
      } catch (error) {
        if (!(error instanceof SwitchboardError)) throw error
        hold(error.code === 'unauthenticated', `refused as ${error.code}`)
        for (const word of `${first}\n${rest}`.split(/[\s,]+/)) {
          hold(word.length < 24 || !error.message.includes(word), 'a refusal repeats what was sent')
        }
      }
    }
    const sent: IncomingHttpHeaders = {
      ...(first !== '' && { authorization: first }),
      ...(rest !== '' && { 'sec-websocket-protocol': rest }),
    }
    secretly(() => credentialOf({ headers: sent } as IncomingMessage))
    secretly(() => readCredential(sent, undefined))
    secretly(() => readCredential({}, { access_token: rest }, { allowQueryToken: true }))
    const key = orRefused(() => idempotencyKeyOf(first), ['invalid_idempotency_key'])
    if (key !== undefined) hold(/^[\x21-\x7e]{1,256}$/.test(key), 'a key of other characters')
    const target = observerTarget(rest)
    if (target !== undefined) hold(target.workspace !== '' && target.callSid !== '', 'an observer of nothing')
  },
}

export const json: Target = {
  name: 'json',
  seeds: [
    '{"event_type":"call.started","call_sid":"CA1","n":[1,-0,1.5e-7,true,false,null],"t":"a\\u00e9\\ud83d\\ude00"}',
    '\ufeff {"a":1,"a":2}\r\n',
    '{"events":[{"a":1},{}]}',
    '[[[[[[]]]]]]',
    '"\\ud800"',
    new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]),
    new Uint8Array([0xfe, 0xff, 0x00, 0x7b]),
  ],
  words: ['{"', '":', '"a":1', ',', '\\u', '\\"', '1e400', '0.1', 'tru', '"events":', '"event_type":'],
  run(bytes) {
    const found = orRefused(() => ({ value: parseJson(bytes) }), ['invalid_json'], '')
    hold(same(found, reference(bytes)), 'JSON.parse reads it otherwise')
    if (found === undefined) return
    const refusals = ['invalid_request', 'too_many_events'] as const
    const events = orRefused(() => eventsOfBody(bytes, 'event_type'), refusals, found.value)
    for (const { path, value } of events ?? [])
      hold(leadsSomewhere({ ...Object(found.value) }, path) && value !== undefined, path)
  },
}

/** What the platform makes of it: the two must take the same texts, and read the same in them. */
function reference(bytes: Buffer): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) }
  } catch {
    return undefined
  }
}

export const lines: Target = {
  name: 'lines',
  seeds: ['\x03{"a":1}\n{"b":2}\r\n\n \t\n{"c":3}', '\x01\n\n', '\x07a', '\x02\r\r\n\n\n'],
  words: ['\n', '\r\n', ' \n', '{"a":1}\n'],
  async run(bytes) {
    // The first byte says how the rest is cut.
    const size = (bytes[0] ?? 0) + 1
    const body = bytes.subarray(1)
    async function* cut(): AsyncGenerator<Buffer> {
      for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size)
    }
    const found: unknown[] = []
    for await (const together of splitLines(cut())) {
      hold(together.length > 0, 'a chunk of no lines')
      for (const line of together) found.push([line.number, line.bytes.toString('latin1')])
    }
    const expected = body
      .toString('latin1')
      .split('\n')
      .map((text, index) => [index + 1, text] as const)
      .filter(([, text]) => !/^[ \t\r]*$/.test(text))
    hold(same(found, expected), 'other lines than the text has')
  },
}

const WORKSPACE = channelKey({ workspace: 'w' })
const STORED = (['workspace', 'observer'] as const).flatMap((kind) =>
  encodeBlocks(
    WORKSPACE,
    kind,
    7,
    [8, 9, 12].map((sequence) => {
      const event = { event_type: 'a.b', n: sequence }
      return {
        position: { time: 1_763_788_800_000 + sequence, sequence },
        type: `a.b${sequence % 2}`,
        event,
        json: JSON.stringify(event),
      }
    }),
  ),
)

export const block: Target = {
  name: 'block',
  seeds: STORED.map(({ value }) => value),
  words: ['\xff\xff\xff\xff', '\0\0\0\0', '\x02\0', '\x01\0\0\0'],
  run(bytes) {
    for (const { key, value } of STORED) {
      const read = decodeBlock(key, bytes)
      if (read !== undefined)
        hold(
          STORED.some((stored) => stored.value.equals(bytes)),
          'an altered block is read',
        )
      if (bytes.length <= SEAL_BYTES) continue
      // With a checksum that fits, as only something that writes checksums could leave it: still nothing may be thrown.
      const sealed = sealInPlace(key, Buffer.from(bytes))
      const other = decodeBlock(key, sealed)
      if (other === undefined) continue
      hold(other.count <= value.length + bytes.length, `${other.count} entries in ${bytes.length} bytes`)
      hold(
        other.types.length === other.count && other.types.every((type) => typeof type === 'string'),
        'an entry has no type',
      )
    }
  },
}

export const message: Target = {
  name: 'message',
  seeds: [
    encodeAppend({
      channel: { workspace: 'w', call: 'CA1' },
      events: [
        { type: 'a', json: '{"type":"a"}', idempotency: { key: 'k', fingerprint: 'f' } },
        { type: 'b', json: '{"type":"b","n":1}', idempotency: undefined },
      ],
      request: { key: 'r', fingerprint: 'f' },
    }),
    encodeAppend({
      channel: { workspace: 'w' },
      events: [{ type: 'a', json: '{"a":1}', idempotency: undefined }],
      moved: { times: [5], after: 3 },
    }),
    encodeCarry({
      workspace: 'w',
      after: 3,
      rows: [{ kind: 'record', projection: 'calls', key: 'CA1', record: { a: 1 } }],
    }),
    encodeCarry({
      workspace: 'w',
      after: 3,
      rows: [
        { kind: 'key', call: undefined, scope: 'request', key: 'k', fingerprint: 'f', expires: 5, runs: [[1, 2, 3]] },
      ],
    }),
    encodeErase({ workspace: 'w' }),
    encodeRetain(5),
    ...encodeParts('batch', Buffer.from('x'.repeat(200)), 120),
  ],
  words: [
    '"x":"part"',
    '"p":["a",0,1]',
    '"of"',
    '"t":["a"]',
    '"e":[[0,"k","f"]]',
    '"k":["k","f"]',
    '"at":[1]',
    '"after":0',
    '\n{}',
    '\n["r","p","k",{}]',
  ],
  run(bytes) {
    const read = decodeMessage(bytes)
    if (read === undefined) return
    if (read.kind === 'part') {
      // It is kept until the others have come: one that can never be whole must not be taken for a part.
      const parts = new Parts()
      const whole = parts.add(read.part, read.bytes, 1, 0)
      if (whole !== undefined) hold(whole.equals(read.bytes), 'a whole that is not its only part')
    }
    if (read.kind !== 'append') return
    const kind = channelKind(read.channel)
    for (const [index, { type, event, json: line }] of read.events.entries()) {
      const frame = encodeFrame(kind, { time: 1, sequence: index + 1 }, type, line)
      hold(same(decodeFrame(kind, Buffer.from(frame)), event), 'its frame says something else')
      hold(frame.split(/[\r\n]/).length === (kind === 'workspace' ? 5 : 1), 'its frame has other lines')
    }
  },
}

const SECRET = Buffer.alloc(32, 7)
const NOW = Date.parse('2026-03-01T00:00:00Z')
const PAYLOAD = {
  ws: 'w',
  key: 'k',
  key_version: '1',
  permissions: ['events:read'],
  call_sids: ['CA1'],
  iss: 'switchboard',
  aud: 'switchboard',
  iat: NOW / 1000,
  exp: NOW / 1000 + 60,
  jti: 'one',
}

/** Made by hand, so that it is the same each time: those that are issued hold chance. */
function signed(header: object, payload: object): string {
  const text = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

const GOOD = signed({ alg: 'HS256', typ: 'at+jwt' }, PAYLOAD)
const tokens = createAccessTokens({
  clock: { now: () => NOW, monotonic: () => 0, after: () => () => {} },
  secret: () => SECRET,
  keyState: () => ({ version: '1', revoked: false, expiresAt: undefined }),
})
const taken = (text: string): Promise<boolean> =>
  tokens.authenticate(text, digest(text)).then(
    () => true,
    (error: unknown) => {
      if (!(error instanceof SwitchboardError)) throw error
      hold(error.code === 'unauthenticated', `refused as ${error.code}`)
      return false
    },
  )
if (!(await taken(GOOD))) throw new Error('the good token is refused, so that refusing the others says nothing')

export const token: Target = {
  name: 'token',
  seeds: [
    GOOD,
    ...GOOD.split('.'),
    signed({ alg: 'HS512', typ: 'at+jwt' }, PAYLOAD),
    signed({ alg: 'HS256' }, PAYLOAD),
  ],
  words: ['.', 'eyJ', '=', '-', '_', 'eyJhbGciOiJub25lIn0', ...GOOD.split('.')],
  async run(bytes) {
    const text = bytes.toString('latin1')
    if (text !== GOOD) hold(!(await taken(text)), 'a token that was changed is taken')
  },
}

export const twilio: Target = {
  name: 'twilio',
  seeds: [
    'CallSid=CA00112233445566778899aabbccddeeff&CallStatus=in-progress&Direction=inbound&From=%2B15550100',
    'CallSid=CA1&CallStatus=completed&CallDuration=12&Timestamp=Sun%2C%2022%20Nov%202026%2010%3A00%3A00%20%2B0000',
    'TranscriptionEvent=transcription-content&TranscriptionSid=GT1&SequenceId=2&CallSid=CA1&Track=inbound_track&Final=true&TranscriptionData=%7B%22transcript%22%3A%22hello%22%2C%22confidence%22%3A0.9%7D',
  ],
  words: [
    'CallSid=',
    'CallStatus=',
    'completed',
    'failed',
    '&',
    '=',
    'TranscriptionData=',
    '%7B',
    'CallDuration=',
    '1e999',
    'Track=',
    'CallStatus=constructor',
    'ParentCallSid=CA2&CallStatus=toString',
  ],
  run(bytes) {
    const fields = parseForm(bytes.toString())
    const context = { workspace: 'w', serviceId: undefined, ended: false, escalated: false }
    const said = readTranscription(fields)
    const spoken = said && mapTranscription(said, 'hel')
    for (const { event } of [...mapCallStatus(fields, context), ...(spoken ? [spoken] : [])]) {
      hold(typeof (event.event_type ?? event.type) === 'string', 'an event without a type')
      // What a callback holds is checked by ingest, as JSON; so nothing else may come of it.
      hold(isDeepStrictEqual(JSON.parse(JSON.stringify(event)), event), 'an event is no JSON')
    }
  },
}

export const settings: Target = {
  name: 'settings',
  seeds: [
    '8080',
    '90s',
    '7d',
    '127.0.0.1',
    '10.0.0.0/8,::1',
    'https://a.example,https://b.example',
    'nats://a:4222',
    'info',
    '0,2',
    'on',
  ],
  words: ['://', 'https://', 'nats://', ',', '/', ':', '[', ']', '@', 'ms', 'd', '*'],
  run(bytes) {
    const text = bytes.toString()
    for (const setting of settingList) {
      const value: unknown = setting.parse(text)
      if (typeof value === 'number') hold(Number.isSafeInteger(value), `${setting.variable} is ${value}`)
    }
  },
}
