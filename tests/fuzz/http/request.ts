import type { Random } from '@switchboard/simulator'
import { parseForm, twilioSignature } from '../../../packages/server/src/sources/twilio-signature.js'
import type { Schema } from '../schema.js'
import type { OpenApi, Operation, Parameter } from './document.js'

/** What is there to be asked for, and who asks. */
export interface Ground {
  readonly workspace: string
  readonly call: string
  readonly adminKey: string
  readonly apiKey: string
  readonly accessToken: string
  /** A workspace whose callbacks are signed with this. */
  readonly signed: { readonly workspace: string; readonly authToken: string }
}

/** One request before it is bytes; what is done to it is noted, so that a check knows what to expect. */
export interface Draft {
  readonly operation: Operation
  method: string
  path: string
  readonly query: [string, string][]
  readonly headers: [string, string][]
  body: Buffer | undefined
  /** What was done to it, in words. */
  readonly done: string[]
}

const HOSTILE = [
  '',
  ' ',
  '\0',
  '\r\nx-injected: 1',
  '\n\nHTTP/1.1 200 OK',
  '%',
  '%zz',
  '..',
  '../..',
  '%2e%2e%2f',
  '__proto__',
  'constructor',
  'null',
  '-1',
  '1e9',
  '0',
  '99999999999999999999',
  "' or 1=1 --",
  '<img src=x onerror=alert(1)>',
  '{{7*7}}',
  '😀',
  '\u202e',
  '\u2028',
  '\ufeff',
  '\ud7ff',
  'x'.repeat(200),
  'x'.repeat(3000),
  '１',
  '*',
  ',',
  ',,',
  'a,b',
  '[object Object]',
  'true',
  '[]',
  '{}',
  'NaN',
  ';',
  '#',
  '?',
  '&=',
  '//',
]
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY', 'FOO', 'get']
const TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'text/plain',
  'application/x-ndjson',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  '*/*',
  '',
  'application/json, text/html',
  'x'.repeat(300),
]

/** A request of an operation: as its document says, and then, three times of four, with something wrong about it. */
export function requestOf(document: OpenApi, operation: Operation, ground: Ground, random: Random): Draft {
  if (operation.operationId === 'receiveTwilioCallback' && random.chance(0.7))
    return callback(operation, ground, random)
  const draft = valid(document, operation, ground, random)
  if (random.chance(0.25)) return draft
  const count = random.whole(1, 3)
  for (let times = 0; times < count; times++)
    random.pick(random.chance(0.6) && draft.body !== undefined ? bodyChanges : changes)(draft, random)
  return draft
}

const CALLBACK_FIELDS: Readonly<Record<string, readonly string[]>> = {
  CallSid: ['CA00112233445566778899aabbccddeeff'],
  CallStatus: ['in-progress', 'completed', 'busy', 'ringing', 'constructor'],
  Direction: ['inbound', 'outbound-api'],
  From: ['+15550142'],
  CallDuration: ['12', '1e999', '-1'],
  ParentCallSid: ['CA1'],
  TranscriptionEvent: ['transcription-content', 'transcription-stopped'],
  TranscriptionSid: ['GT1'],
  SequenceId: ['1', '2', '1e9', '-1'],
  Track: ['inbound_track', 'outbound_track'],
  Final: ['true', 'false'],
  TranscriptionData: ['{"transcript":"hello","confidence":0.9}', '{"transcript":5}', 'null', '['],
}

/** A callback with a signature that fits: whoever it is from, what is in it may be anything. */
function callback(operation: Operation, { signed }: Ground, random: Random): Draft {
  const path = operation.path.replace('{workspace_id}', signed.workspace)
  const chosen = Object.entries(CALLBACK_FIELDS).filter(([name]) => random.chance(name.startsWith('Call') ? 0.9 : 0.4))
  const fields = chosen.map(([name, values]): [string, string] => [
    name,
    random.pick(random.chance(0.8) ? values : HOSTILE),
  ])
  const body = new URLSearchParams(fields).toString()
  const signature = twilioSignature(signed.authToken, `http://localhost${path}`, parseForm(body))
  const headers: [string, string][] = [
    ['Content-Type', 'application/x-www-form-urlencoded'],
    ['X-Twilio-Signature', signature],
  ]
  return {
    operation,
    method: operation.method,
    path,
    query: [],
    headers,
    body: Buffer.from(body),
    done: ['fields of the form'],
  }
}

function valid(document: OpenApi, operation: Operation, ground: Ground, random: Random): Draft {
  const one = (schema: Schema): unknown => document.sample(schema, random.whole(0, 2 ** 31))
  const known: Readonly<Record<string, string>> = { workspace_id: ground.workspace, call_sid: ground.call }
  const textOf = ({ name, schema }: Parameter): string => {
    const value = (random.chance(0.8) ? known[name] : undefined) ?? one(schema)
    return Array.isArray(value) ? value.join(',') : String(value)
  }
  const draft: Draft = {
    operation,
    method: operation.method,
    path: operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const parameter = operation.parameters.find((each) => each.name === name && each.in === 'path')
      // Of another workspace nothing is told but that it is forbidden: most requests are for the one that there is.
      if (name === 'workspace_id' && random.chance(0.95)) return ground.workspace
      return encodeURIComponent(parameter === undefined ? '' : textOf(parameter))
    }),
    query: operation.parameters
      .filter((each) => each.in === 'query' && (each.required || random.chance(0.3)))
      .map((each) => [each.name, textOf(each)]),
    headers: operation.parameters
      .filter((each) => each.in === 'header' && (each.required || random.chance(0.3)))
      .map((each) => [each.name, textOf(each)]),
    body: undefined,
    done: [],
  }
  const credential = random.pick([ground.adminKey, ground.adminKey, ground.apiKey, ground.accessToken])
  draft.headers.push(['Authorization', `Bearer ${credential}`])
  const contents = Object.entries(operation.requestBody?.content ?? {})
  if (contents.length > 0) {
    const [type, { schema, examples = {} }] = random.pick(contents)
    const samples = Object.values(examples).map(({ value }) => value)
    const value = samples.length > 0 && random.chance(0.4) ? random.pick(samples) : one(schema)
    const lines = contents.flatMap(([, content]) => Object.values(content.examples ?? {}).slice(0, 1))
    draft.headers.push(['Content-Type', type])
    draft.body = Buffer.from(
      bodyText(
        type,
        value,
        lines.map((line) => line.value),
        random,
      ),
    )
  }
  return draft
}

function bodyText(type: string, value: unknown, lines: readonly unknown[], random: Random): string {
  if (type === 'application/x-www-form-urlencoded')
    return new URLSearchParams(value as Record<string, string>).toString()
  if (type === 'application/x-ndjson')
    return Array.from({ length: random.whole(0, 4) }, () => `${JSON.stringify(random.pick(lines))}\n`).join('')
  return JSON.stringify(value)
}

type Change = (draft: Draft, random: Random) => void

function hostile(random: Random): string {
  return random.pick(HOSTILE)
}

const changes: readonly Change[] = [
  function query(draft, random) {
    const [name] =
      random.chance(0.7) && draft.operation.parameters.length > 0
        ? [random.pick(draft.operation.parameters).name]
        : [hostile(random)]
    draft.query.push([name, hostile(random)])
    draft.done.push(`the query ${name}`)
  },
  function twice(draft) {
    const [first] = draft.query
    if (first === undefined) return
    draft.query.push(first)
    draft.done.push(`${first[0]} twice`)
  },
  function raw(draft, random) {
    draft.path += `?${random.pick(['%', '%zz=1', 'a=%ff', '=', '&&&', 'types', 'types=', 'a[b]=c', 'x=1?y=2', 'x=%00', `${'a=1&'.repeat(500)}`])}`
    draft.done.push('a query of its own')
  },
  function segment(draft, random) {
    const segments = draft.path.split('/')
    segments[random.whole(1, segments.length - 1)] = random.chance(0.6)
      ? percent(hostile(random))
      : random.pick(['%2f', '%2F..', '%00', '..', '.', '%c0%ae', '%', '', ';x=1'])
    draft.path = segments.join('/')
    draft.done.push('the path')
  },
  function slash(draft, random) {
    draft.path = random.pick([
      `${draft.path}/`,
      `/${draft.path}`,
      draft.path.toUpperCase(),
      `${draft.path}%20`,
      `http://elsewhere.example${draft.path}`,
      '*',
    ])
    draft.done.push('the path')
  },
  function method(draft, random) {
    draft.method = random.pick(METHODS)
    draft.done.push('the method')
  },
  function header(draft, random) {
    const name = random.pick([
      'Authorization',
      'Idempotency-Key',
      'Last-Event-ID',
      'X-Request-Id',
      'Accept',
      'Origin',
      'Content-Type',
      'X-Forwarded-For',
      'Range',
      'If-None-Match',
      'Cookie',
      'Accept-Encoding',
      'X-Twilio-Signature',
    ])
    // Line ends would make it two headers: that is another test's matter.
    draft.headers.push([name, hostile(random).replaceAll(/[\r\n\0]/g, '\t')])
    draft.done.push(`the header ${name}`)
  },
  function credential(draft, random) {
    const at = draft.headers.findIndex(([name]) => name === 'Authorization')
    if (at < 0 || random.chance(0.8)) return
    draft.headers.splice(at, 1)
    draft.done.push('no credential')
  },
  function body(draft) {
    if (draft.body !== undefined) return
    draft.body = Buffer.from('{"a":1}')
    draft.headers.push(['Content-Type', 'application/json'])
    draft.done.push('a body')
  },
]

const bodyChanges: readonly Change[] = [
  function type(draft, random) {
    const at = draft.headers.findIndex(([name]) => name === 'Content-Type')
    if (at >= 0) draft.headers[at] = ['Content-Type', random.pick(TYPES)]
    draft.done.push('the content type')
  },
  function coding(draft, random) {
    draft.headers.push(['Content-Encoding', random.pick(['gzip', 'br', 'identity', 'x'])])
    draft.done.push('a content coding')
  },
  function bytes(draft, random) {
    const body = draft.body ?? Buffer.alloc(0)
    const at = random.whole(0, body.length)
    draft.body = random.pick([
      body.subarray(0, at),
      Buffer.concat([Buffer.from('\ufeff'), body]),
      Buffer.concat([body.subarray(0, at), Buffer.from([0xff, 0xfe]), body.subarray(at)]),
      Buffer.concat([body, body]),
      Buffer.from('['.repeat(20_000)),
      Buffer.from(`{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`),
      Buffer.from(''),
      Buffer.from(JSON.stringify('x'.repeat(70_000))),
    ])
    draft.done.push('the bytes of the body')
  },
  ...[changedValue, changedValue, changedValue].map((change): Change => change),
]

/** Another value somewhere in a JSON body, or a member more or less. */
function changedValue(draft: Draft, random: Random): void {
  let whole: unknown
  try {
    whole = JSON.parse(String(draft.body))
  } catch {
    return
  }
  const owners: Record<string, unknown>[] = []
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    owners.push(value as Record<string, unknown>)
    for (const member of Object.values(value)) visit(member)
  }
  visit(whole)
  if (owners.length === 0) return
  const owner = random.pick(owners)
  const names = Object.keys(owner)
  const name =
    names.length > 0 && random.chance(0.7)
      ? random.pick(names)
      : random.pick([
          'extra',
          'a/b~c',
          '',
          '__proto__',
          'constructor',
          'toString',
          'x'.repeat(1000),
          '\ud800',
          '\u0007',
        ])
  if (random.chance(0.3)) delete owner[name]
  else {
    const value = random.pick<unknown>([
      null,
      true,
      0,
      -1,
      1.5,
      1e300,
      '',
      hostile(random),
      [],
      {},
      [null],
      { a: { b: [] } },
      'x'.repeat(5000),
      Array.from({ length: 300 }, () => 'x'),
    ])
    Object.defineProperty(owner, name, { value, enumerable: true, configurable: true, writable: true })
  }
  draft.body = Buffer.from(JSON.stringify(whole))
  draft.done.push('a value of the body')
}

/** The bytes that go over the wire. */
export function bytesOf({ method, path, query, headers, body }: Draft): Buffer {
  const text = query.map(([name, value]) => `${percent(name)}=${percent(value)}`).join('&')
  const target = text === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${text}`
  const lines = [
    `${method} ${target} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : [`Content-Length: ${body.length}`]),
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body ?? Buffer.alloc(0)])
}

/** Percent-encoded by its bytes of UTF-8, which half of a surrogate pair has too. */
function percent(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}
