import { readdirSync, readFileSync } from 'node:fs'
import { builtinCatalogue } from '@switchboard/contract'
import { CliError } from '../../../packages/cli/src/failure.js'
import { parseDuration, parseSince } from '../../../packages/cli/src/parse/duration.js'
import { parseEvents } from '../../../packages/cli/src/parse/event-file.js'
import { parseTimeline } from '../../../packages/cli/src/parse/timeline-file.js'
import { parse } from '../../../packages/cli/src/program.js'
import { type EventStreamMessage, EventStreamReader } from '../../../packages/sdk/src/sse.js'
import { parseStreamQuery } from '../../../packages/server/src/transport/query.js'
import { hold, type Target } from '../target.js'

export const sse: Target = {
  name: 'sse',
  seeds: [
    '\x02retry: 3000\n\nid: 5-1\nevent: stream.opened\ndata: {"code":"ok"}\n\n: beat\nid: 6-2\n\n',
    '\x00\ufeffdata\rdata: a\r\nid\n\nid: \0\nevent\ndata:b\r\r',
    '\x05data:\0\ndata:  2\rData:1\n\n',
  ],
  words: ['data', 'event', 'id', 'retry', ':', ': ', '\r', '\n', '\r\n', '\n\n', '\ufeff', '\0', '0010'],
  run(bytes) {
    // The first byte says how the rest is cut.
    const size = (bytes[0] ?? 0) + 1
    const stream = bytes.subarray(1)
    const reader = new EventStreamReader()
    const messages: EventStreamMessage[] = []
    for (let at = 0; at < stream.length; at += size) messages.push(...reader.push(stream.subarray(at, at + size)))
    const { lastEventId, reconnectionTime } = reader
    const found = JSON.stringify({ messages, lastEventId, reconnectionTime })
    hold(found === JSON.stringify(asTheStandardSays(stream)), 'the standard makes something else of it')
  },
}

/** The text of the HTML standard, sentence by sentence; the whole stream is at hand, so nothing has to be kept between chunks. */
function asTheStandardSays(bytes: Buffer): object {
  // "UTF-8 decode" leaves out one byte order mark.
  const lines = new TextDecoder().decode(bytes).split(/\r\n|\r|\n/)
  // What is behind the last line end is no line.
  lines.pop()
  const messages: EventStreamMessage[] = []
  let [data, type, id, lastEventId] = ['', '', '', '']
  let reconnectionTime: number | undefined
  for (const line of lines) {
    if (line === '') {
      lastEventId = id
      if (data !== '') messages.push({ type: type || 'message', data: data.slice(0, -1), lastEventId })
      data = ''
      type = ''
      continue
    }
    const [, field = '', value = ''] = /^([^:]*)(?::[ ]?(.*))?$/s.exec(line) ?? []
    if (field === 'data') data += `${value}\n`
    if (field === 'event') type = value
    if (field === 'id' && !value.includes('\0')) id = value
    if (field === 'retry' && /^[0-9]+$/.test(value)) reconnectionTime = Math.min(Number(value), Number.MAX_SAFE_INTEGER)
  }
  return { messages, lastEventId, reconnectionTime }
}

/** The value, or undefined when it was refused in words for a person. */
function orSaid<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    const isTold =
      error instanceof CliError || (error instanceof Error && error.constructor.name === 'InvalidArgumentError')
    if (!isTold) throw error
    hold(error.message !== '', 'refused without a word')
    return undefined
  }
}

const FIXTURES = new URL('../../fixtures/timelines/', import.meta.url)

export const timeline: Target = {
  name: 'timeline',
  seeds: [
    ...readdirSync(FIXTURES).map((name) => readFileSync(new URL(name, FIXTURES)).subarray(0, 1500)),
    '{"id":"1-1","time":"1970-01-01T00:00:01.000Z","event":{"event_type":"surface.updated","surface_id":"s"}}\n{"gap":{}}',
    '{"at":0,"ws":{"event_type":"acme.unknown_thing"}}\n{"at":"1.5","obs":{"type":"speaker_muted","muted":true},"call_sid":"CA1"}',
  ],
  words: ['\n', '"at":', '"ws":', '"obs":', '"event":', '"time":', '"call_sid":', '"gap":', '1970-01-01', 'T00:00:00Z'],
  run(bytes) {
    const text = bytes.toString()
    for (const extraFields of ['refuse', 'pass'] as const) {
      let last = 0
      for (const item of orSaid(() => parseTimeline(text, extraFields)) ?? []) {
        hold(Number.isFinite(item.at) && item.at >= last, `${item.at} after ${last}`)
        last = item.at
      }
    }
    const events = orSaid(() => parseEvents(text))
    if (events !== undefined) hold(events.length > 0, 'no events')
  },
}

export const duration: Target = {
  name: 'duration',
  seeds: ['90s', '15m', '1h30m', '0.5s', '250ms', '7d', '2026-01-31T09:00:00Z', '2026-01-31T09:00:00.5+01:00'],
  words: ['ms', 's', 'm', 'h', 'd', '.', '-', 'T', 'Z', ':'],
  run(bytes) {
    const text = bytes.toString()
    const ms = orSaid(() => parseDuration(text))
    if (ms !== undefined) hold(Number.isSafeInteger(ms) && ms > 0, `a duration of ${ms} ms`)
    const since = orSaid(() => parseSince(text))
    // What the command line takes, the server must not refuse.
    if (since !== undefined) parseStreamQuery(builtinCatalogue, new URLSearchParams({ since }), {})
  },
}

export const commandLine: Target = {
  name: 'arguments',
  seeds: [
    'tail\n-t\ncall.*,surface.opened\n--call-sid\nCA1\n--since\n1h30m\n-n\n5',
    'publish\ncall.started\ncall_sid=CA1\nn:=3\n--example',
    'simulate\n--calls-per-minute\n0.5\n--seed\n7\n--duration\n10m\n--speed\nmax',
    'keys\ncreate\n--name\na\n-p\nevents:read\n--days\n90',
    'token\ncreate\n--call-sid\nCA1\n--ttl\n1h',
    'workspaces\ncreate\nHarbor Clinic\n--slug\nx',
    'dev-cluster\n--gateways\n3\n--port\n9000',
    'observe\nCA1\n--history\nnone\n--after\n5-5',
    'replay\na.jsonl\n--speed\n2.5x',
    'serve\n--port\n0\n--retention\n2h',
    'doctor\n--round-trip',
    'migrate\n--help',
  ],
  words: [
    '\n',
    '\n--',
    '\n-',
    '=',
    ':=',
    '\n--help',
    '\n--url\nhttp://',
    '\n--after\n',
    '\n--version',
    '\nhelp\n',
    '\n--json',
  ],
  async run(bytes) {
    // A shell cannot give a program NUL.
    const argv = bytes.toString().replaceAll('\0', '').split('\n')
    const parsed = await parse(argv, { version: '1.2.3' })
    if (parsed.kind === 'job') return
    hold(parsed.stdout !== '' || parsed.stderr !== '', 'it said nothing')
    hold(parsed.exit === 0 || parsed.exit < 64, `it is said to be a fault of ours: ${parsed.stderr}`)
  },
}
