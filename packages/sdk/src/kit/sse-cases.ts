import type { EventStreamMessage } from '../sse.js'

/**
 * What the HTML standard makes of a stream, as data. Our reader is held against these cases, and they against a browser's own
 * (tests/e2e/eventsource.test.ts).
 */
export interface Case {
  readonly name: string
  /** Strings are UTF-8, numbers are bytes. */
  readonly input: string | readonly (string | number)[]
  /** Messages as `data`, or `[data, type]`, or `[data, type, last event id]`. */
  readonly gives: readonly (string | readonly [string, string, string?])[]
  /** The last event id afterwards; that of the last message when left out. */
  readonly id?: string
  readonly retry?: number
}

const of = (
  name: string,
  input: Case['input'],
  gives: Case['gives'],
  after: { readonly id?: string; readonly retry?: number } = {},
): Case => ({ name, input, gives, ...after })

const BOM = '\uFEFF'

const lines: readonly Case[] = [
  of('an empty stream', '', []),
  of('a blank line', '\n', []),
  of('many blank lines', '\n\r\r\n\n', []),
  of('one event, LF', 'data: a\n\n', ['a']),
  of('one event, CR', 'data: a\r\r', ['a']),
  of('one event, CRLF', 'data: a\r\n\r\n', ['a']),
  of('LF then CR', 'data: a\n\r', ['a']),
  of('CR then LF is one line end', 'data: a\r\ndata: b\r\n\r\n', ['a\nb']),
  of('LF CR is two line ends', 'data: a\n\rdata: b\n\n', ['a', 'b']),
  of('CR CR LF is two line ends', 'data: a\r\r\ndata: b\n\n', ['a', 'b']),
  of('CRLF LF', 'data: a\r\n\ndata: b\n\n', ['a', 'b']),
  of('CRLF CR', 'data: a\r\n\rdata: b\n\n', ['a', 'b']),
  of('CR CRLF CR', 'data: a\r\r\n\rdata: b\r\r', ['a', 'b']),
  of('CR at the end of the stream ends a line', 'data: a\n\r', ['a']),
  of('mixed line ends in one event', 'data: a\rdata: b\ndata: c\r\ndata: d\r\r', ['a\nb\nc\nd']),
  of('mixed line ends between events', 'data: a\r\n\r\ndata: b\r\rdata: c\n\ndata: d\r\n\n', ['a', 'b', 'c', 'd']),
  of('no other character ends a line', 'data: a\u2028b\u2029c\u0085d\ve\ff\n\n', ['a\u2028b\u2029c\u0085d\ve\ff']),
  of('blank lines before the first event', '\n\n\ndata: a\n\n', ['a']),
  of('blank lines between events', 'data: a\n\n\n\n\ndata: b\n\n', ['a', 'b']),
  of('a line of one space is no blank line', 'data: a\n \ndata: b\n\n', ['a\nb']),
  of('a line of a tab is no blank line', 'data: a\n\t\ndata: b\n\n', ['a\nb']),
]

const data: readonly Case[] = [
  of('data with one space after the colon', 'data: a\n\n', ['a']),
  of('data without a space', 'data:a\n\n', ['a']),
  of('only one space is left out', 'data:  a\n\n', [' a']),
  of('three spaces leave two', 'data:   \n\n', ['  ']),
  of('a tab stays', 'data:\ta\n\n', ['\ta']),
  of('a no-break space stays', 'data:\u00a0a\n\n', ['\u00a0a']),
  of('spaces at the end stay', 'data: a  \n\n', ['a  ']),
  of('two lines', 'data: a\ndata: b\n\n', ['a\nb']),
  of('five lines', 'data:a\ndata:b\ndata:c\ndata:d\ndata:e\n\n', ['a\nb\nc\nd\ne']),
  of('an empty line between', 'data: a\ndata:\ndata: b\n\n', ['a\n\nb']),
  of('an empty line first', 'data:\ndata: a\n\n', ['\na']),
  of('an empty line last', 'data: a\ndata:\n\n', ['a\n']),
  of('data: alone is an event with empty data', 'data:\n\n', ['']),
  of('data: and a space is an event with empty data', 'data: \n\n', ['']),
  of('data without a colon is an event with empty data', 'data\n\n', ['']),
  of('two empty lines are one LF', 'data\ndata\n\n', ['\n']),
  of('two empty lines with colons', 'data:\ndata:\n\n', ['\n']),
  of('three empty lines', 'data\ndata:\ndata: \n\n', ['\n\n']),
  of('data without a colon after text', 'data: a\ndata\n\n', ['a\n']),
  of('colons in the value', 'data: a:b: c\n\n', ['a:b: c']),
  of('a value that begins with a colon', 'data::a\n\n', [':a']),
  of('a value of one colon', 'data::\n\n', [':']),
  of('space then colon', 'data: :\n\n', [':']),
  of('a value that looks like a field', 'data: data: a\n\n', ['data: a']),
  of('a value that looks like a comment', 'data: : a\n\n', [': a']),
  of('JSON', 'data: {"a":[1,"b\\n"]}\n\n', ['{"a":[1,"b\\n"]}']),
  of('NUL in data stays', 'data: a\0b\n\n', ['a\0b']),
  of('data of NUL alone', 'data: \0\n\n', ['\0']),
  of('other control characters stay', 'data: \u0001\u001b\u007f\n\n', ['\u0001\u001b\u007f']),
  of('events do not share data', 'data: a\n\ndata: b\n\n', ['a', 'b']),
  of('an event without data gives nothing', 'event: x\n\n', []),
  of('a block without data between two', 'data: a\n\nevent: x\n\ndata: b\n\n', ['a', 'b']),
  of('equal events are both given', 'data: a\n\ndata: a\n\n', ['a', 'a']),
]

const fields: readonly Case[] = [
  of('an unknown field', 'foo: bar\ndata: a\n\n', ['a']),
  of('an unknown field without a colon', 'foo\ndata: a\n\n', ['a']),
  of('unknown fields alone give nothing', 'foo: bar\nbaz\n\n', []),
  of('names are case-sensitive: Data', 'Data: a\n\n', []),
  of('names are case-sensitive: DATA', 'DATA: a\ndata: b\n\n', ['b']),
  of('names are case-sensitive: Event', 'Event: x\ndata: a\n\n', ['a']),
  of('names are case-sensitive: ID', 'ID: 1\ndata: a\n\n', [['a', 'message', '']]),
  of('names are case-sensitive: Retry', 'Retry: 5\ndata: a\n\n', ['a']),
  of('a space before a name makes another', ' data: a\ndata: b\n\n', ['b']),
  of('a space after a name makes another', 'data : a\ndata: b\n\n', ['b']),
  of('a tab before a name makes another', '\tdata: a\n\n', []),
  of('a NUL after a name makes another', 'data\0: a\ndata: b\n\n', ['b']),
  of('a NUL before a name makes another', '\0data: a\ndata: b\n\n', ['b']),
  of('a longer name is another', 'dataa: a\ndat: b\ndata: c\n\n', ['c']),
  of('a long unknown field', `${'x'.repeat(300)}: y\ndata: a\n\n`, ['a']),
  of(
    'Web Platform Tests: field parsing',
    'data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n',
    ['\0\n 2\n1\n3\n\n4'],
  ),
]

const comments: readonly Case[] = [
  of('a comment', ': hi\n\n', []),
  of('an empty comment', ':\n\n', []),
  of('comments among data', 'data: a\n: x\ndata: b\n:\n:y\n\n', ['a\nb']),
  of('a comment does not end a block', ': x\ndata: a\n: y\n\n', ['a']),
  of('a comment that looks like a field', ':data: a\n\n', []),
  of('a long comment', `:${'x'.repeat(2000)}\ndata: a\n\n`, ['a']),
  of('a comment of NUL', ':\0\ndata: a\n\n', ['a']),
  of('heartbeats between events', ': heartbeat 1\n\ndata: a\n\n: heartbeat 2\n\ndata: b\n\n', ['a', 'b']),
  of('a comment ended by CR', ':x\rdata: a\r\r', ['a']),
]

const types: readonly Case[] = [
  of('a type', 'event: x\ndata: a\n\n', [['a', 'x']]),
  of('a type after the data', 'data: a\nevent: x\n\n', [['a', 'x']]),
  of('a type without a space', 'event:x\ndata: a\n\n', [['a', 'x']]),
  of('a type with spaces', 'event:  x y \ndata: a\n\n', [['a', ' x y ']]),
  of('the last type of a block counts', 'event: x\nevent: y\ndata: a\n\n', [['a', 'y']]),
  of('an empty type is message', 'event:\ndata: a\n\n', ['a']),
  of('a type of one space is message', 'event: \ndata: a\n\n', ['a']),
  of('event without a colon is message', 'event\ndata: a\n\n', ['a']),
  of('an empty type takes back an earlier one', 'event: x\nevent:\ndata: a\n\n', ['a']),
  of('event without a colon takes back an earlier one', 'event: x\ndata: a\nevent\n\n', ['a']),
  of('a type does not outlive its block', 'event: x\ndata: a\n\ndata: b\n\n', [['a', 'x'], 'b']),
  of('a type of a block without data is forgotten', 'event: x\n\ndata: a\n\n', ['a']),
  of('a type named message', 'event: message\ndata: a\n\n', ['a']),
  of('a type with a dot', 'event: call.started\ndata: a\n\n', [['a', 'call.started']]),
  of('a type with a colon', 'event: a:b\ndata: a\n\n', [['a', 'a:b']]),
  of('a type of another script', 'event: événement\ndata: a\n\n', [['a', 'événement']]),
  of('NUL in a type stays', 'event: a\0b\ndata: a\n\n', [['a', 'a\0b']]),
  of('a type that an object has by itself', 'event: constructor\ndata: a\n\n', [['a', 'constructor']]),
]

const ids: readonly Case[] = [
  of('an id', 'id: 1\ndata: a\n\n', [['a', 'message', '1']]),
  of('an id after the data', 'data: a\nid: 1\n\n', [['a', 'message', '1']]),
  of('an id without a space', 'id:1\ndata: a\n\n', [['a', 'message', '1']]),
  of('only one space is left out of an id', 'id:  1 \ndata: a\n\n', [['a', 'message', ' 1 ']]),
  of('the last id of a block counts', 'id: 1\nid: 2\ndata: a\n\n', [['a', 'message', '2']]),
  of('an id stays in force', 'id: 1\ndata: a\n\ndata: b\n\n', [
    ['a', 'message', '1'],
    ['b', 'message', '1'],
  ]),
  of('an id changes', 'id: 1\ndata: a\n\nid: 2\ndata: b\n\n', [
    ['a', 'message', '1'],
    ['b', 'message', '2'],
  ]),
  of(
    'id: resets',
    'id: 1\ndata: a\n\nid:\ndata: b\n\n',
    [
      ['a', 'message', '1'],
      ['b', 'message', ''],
    ],
    { id: '' },
  ),
  of('id without a colon resets', 'id: 1\ndata: a\n\nid\ndata: b\n\n', [['a', 'message', '1'], 'b'], { id: '' }),
  of('a reset within a block', 'id: 1\nid\ndata: a\n\n', ['a'], { id: '' }),
  of('a block of an id alone counts', 'id: 1\n\n', [], { id: '1' }),
  of('a block of an id alone counts for later events', 'id: 1\n\ndata: a\n\n', [['a', 'message', '1']]),
  of('a block of an id alone after an event', 'id: 1\ndata: a\n\nid: 2\n\n', [['a', 'message', '1']], { id: '2' }),
  of('an id with a comment', ': beat\nid: 3\n\n', [], { id: '3' }),
  of('an id with a type and no data', 'event: x\nid: 4\n\n', [], { id: '4' }),
  of('a block that resets the id alone', 'id: 1\n\nid\n\n', [], { id: '' }),
  of('NUL in an id: ignored', 'id: 1\0\ndata: a\n\n', ['a'], { id: '' }),
  of('NUL first in an id: ignored', 'id: \x001\ndata: a\n\n', ['a'], { id: '' }),
  of('an id of NUL alone: ignored', 'id: 1\n\nid: \0\ndata: a\n\n', [['a', 'message', '1']]),
  of('NUL in an id leaves the earlier one', 'id: 1\nid: 2\0\ndata: a\n\n', [['a', 'message', '1']]),
  of('an id in an unfinished block does not count', 'id: 1\n\nid: 2\n', [], { id: '1' }),
  of('an id in an unfinished line does not count', 'id: 1\n\nid: 2', [], { id: '1' }),
  of('an id and data in an unfinished block', 'id: 1\ndata: a\n\nid: 2\ndata: b\n', [['a', 'message', '1']], {
    id: '1',
  }),
  of('an id of another script', 'id: …\ndata: a\n\n', [['a', 'message', '…']]),
  of('a position', 'id: 1763788800123-42\ndata: a\n\n', [['a', 'message', '1763788800123-42']]),
  of('a long id', `id: ${'9'.repeat(500)}\ndata: a\n\n`, [['a', 'message', '9'.repeat(500)]]),
  of('0 is an id', 'id: 0\ndata: a\n\n', [['a', 'message', '0']]),
]

const retries: readonly Case[] = [
  of('retry', 'retry: 3000\n\n', [], { retry: 3000 }),
  of('retry counts when its line ends, not its block', 'retry: 3000\n', [], { retry: 3000 }),
  of('retry in an unfinished line does not count', 'retry: 3000', []),
  of('retry without a space', 'retry:3000\n', [], { retry: 3000 }),
  of('the last retry counts', 'retry: 1\nretry: 2\n\nretry: 3\n', [], { retry: 3 }),
  of('retry of zero', 'retry: 0\n', [], { retry: 0 }),
  of('leading zeros', 'retry: 0010\n', [], { retry: 10 }),
  of('an empty retry', 'retry: 5\nretry:\n', [], { retry: 5 }),
  of('retry of one space', 'retry: \n', []),
  of('retry without a colon', 'retry\n', []),
  of('retry with letters: ignored', 'retry: 2000\nretry: 1000x\n', [], { retry: 2000 }),
  of('hexadecimal: ignored', 'retry: 0x10\n', []),
  of('a sign: ignored', 'retry: +1\nretry: -1\n', []),
  of('a fraction: ignored', 'retry: 1.5\n', []),
  of('an exponent: ignored', 'retry: 1e3\n', []),
  of('two spaces before: ignored', 'retry:  5\n', []),
  of('a space behind: ignored', 'retry: 5 \n', []),
  of('digits of another script: ignored', 'retry: 5\nretry: ٣\n', [], { retry: 5 }),
  of('NUL behind: ignored', 'retry: 5\0\n', []),
  of('a retry beyond what a number holds', `retry: ${'9'.repeat(40)}\n`, [], { retry: Number.MAX_SAFE_INTEGER }),
  of('retry does not make an event', 'retry: 5\n\ndata: a\n\n', ['a'], { retry: 5 }),
  of('retry among data', 'data: a\nretry: 7\ndata: b\n\n', ['a\nb'], { retry: 7 }),
]

const tails: readonly Case[] = [
  of('no blank line at the end', 'data: a\n', []),
  of('no line end at the end', 'data: a', []),
  of('half a field name', 'data: a\n\nda', ['a']),
  of('a finished event and an unfinished one', 'data: a\n\ndata: b\n', ['a']),
  of('a type without its data', 'data: a\n\nevent: x\n', ['a']),
  of('CRLF and nothing more', 'data: a\r\n', []),
  of('an unfinished comment', 'data: a\n\n: b', ['a']),
]

const marks: readonly Case[] = [
  of('a byte order mark is left out', `${BOM}data: a\n\n`, ['a']),
  of('of two byte order marks the second stays', `${BOM}${BOM}data: a\n\n`, []),
  of('and spoils the first field alone', `${BOM}${BOM}data: a\ndata: b\n\n`, ['b']),
  of('a byte order mark before a comment', `${BOM}: x\ndata: a\n\n`, ['a']),
  of('a second byte order mark spoils a comment', `${BOM}${BOM}: x\ndata: a\n\n`, ['a']),
  of('a byte order mark alone', BOM, []),
  of('a byte order mark and a line end', `${BOM}\ndata: a\n\n`, ['a']),
  of('a byte order mark later on spoils its field', `data: a\n${BOM}data: b\n\n`, ['a']),
  of('a byte order mark after a blank line', `\n${BOM}data: a\n\n`, []),
  of('a byte order mark in data stays', `data: ${BOM}a\n\n`, [`${BOM}a`]),
  of('two thirds of a byte order mark', [0xef, 0xbb, 'data: a\ndata: b\n\n'], ['b']),
  of('a byte order mark of UTF-16 is none', [0xff, 0xfe, 'data: a\ndata: b\n\n'], ['b']),
]

const utf8: readonly Case[] = [
  of('two bytes', 'data: é\n\n', ['é']),
  of('three bytes', 'data: €漢\n\n', ['€漢']),
  of('four bytes', 'data: 😀\n\n', ['😀']),
  of('joined emoji', 'data: 👩‍👩‍👧\n\n', ['👩‍👩‍👧']),
  of('a stray continuation byte', ['data: a', 0x80, 'b\n\n'], ['a\uFFFDb']),
  of('a byte that is never UTF-8', ['data: ', 0xff, '\n\n'], ['\uFFFD']),
  of('a cut sequence before a letter', ['data: ', 0xe2, 0x82, 'a\n\n'], ['\uFFFDa']),
  of('a cut sequence before a line end', ['data: ', 0xe2, 0x82, '\n\n'], ['\uFFFD']),
  of('a cut sequence before CRLF', ['data: ', 0xf0, 0x9f, 0x98, '\r\n\r\n'], ['\uFFFD']),
  of('a cut sequence in a name', ['da', 0xc3, 'ta: a\ndata: b\n\n'], ['b']),
  of('an overlong slash', ['data: ', 0xc0, 0xaf, '\n\n'], ['\uFFFD\uFFFD']),
  of('a surrogate', ['data: ', 0xed, 0xa0, 0x80, '\n\n'], ['\uFFFD\uFFFD\uFFFD']),
  of('beyond Unicode', ['data: ', 0xf4, 0x90, 0x80, 0x80, '\n\n'], ['\uFFFD\uFFFD\uFFFD\uFFFD']),
  of('Latin-1 is not understood', ['data: caf', 0xe9, '\n\n'], ['caf\uFFFD']),
  of('an unfinished character at the end', ['data: a\n\ndata: ', 0xe2], ['a']),
  of('a bad byte in an id', ['id: ', 0xff, '\ndata: a\n\n'], [['a', 'message', '\uFFFD']]),
]

const whole: readonly Case[] = [
  of(
    'a Switchboard stream',
    'retry: 3000\n\nid: 5-1\nevent: stream.opened\ndata: {"code":"ok"}\n\nid: 6-2\nevent: call.started\ndata: {"event_type":"call.started"}\n\n: heartbeat 1\nid: 7-3\n\n',
    [
      ['{"code":"ok"}', 'stream.opened', '5-1'],
      ['{"event_type":"call.started"}', 'call.started', '6-2'],
    ],
    { id: '7-3', retry: 3000 },
  ),
  of('the stock ticker of the standard', 'data: YHOO\ndata: +2\ndata: 10\n\n', ['YHOO\n+2\n10']),
  of(
    'four blocks of the standard',
    ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n',
    [['first event', 'message', '1'], 'second event', ' third event'],
    { id: '' },
  ),
  of('two of three blocks of the standard', 'data\n\ndata\ndata\n\ndata:', ['', '\n']),
  of('equal events with and without the space', 'data:test\n\ndata: test\n\n', ['test', 'test']),
]

export const groups = { lines, data, fields, comments, types, ids, retries, tails, marks, utf8, whole }

export function bytesOf(input: Case['input']): Uint8Array {
  const parts = typeof input === 'string' ? [input] : input
  return Uint8Array.from(
    parts.flatMap((part) => (typeof part === 'number' ? [part] : [...new TextEncoder().encode(part)])),
  )
}

/** What a case gives, message by message. */
export function messagesOf({ gives }: Case): EventStreamMessage[] {
  return gives.map((given) => {
    const [text, type, lastEventId = ''] = typeof given === 'string' ? [given, 'message'] : given
    return { type, data: text, lastEventId }
  })
}
