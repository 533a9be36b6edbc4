import {
  accept,
  builtinCatalogue,
  type ChannelKind,
  compileTypeFilter,
  formatPosition,
  type JsonObject,
  mask,
  POSITION_BYTES_MAX,
  parseCustomCatalogue,
  parsePosition,
  parseResumePoint,
} from '@switchboard/contract'
import * as sdk from '../../../packages/sdk/src/position.js'
import { decodeBlock, encodeBlocks } from '../../../packages/server/src/log/codec.js'
import { channelKey } from '../../../packages/server/src/log/keys.js'
import { leadsSomewhere } from '../pointer.js'
import { hold, type Target } from '../target.js'

const KINDS: readonly ChannelKind[] = ['workspace', 'observer']
const EXTRAS = ['refuse', 'pass'] as const
const ERRORS_MAX = 20

/** The value of a JSON text, or undefined when it is none. */
export function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}

export const position: Target = {
  name: 'position',
  seeds: ['1763788800123-42', '1763788800123', '0-0', '999999999999999-9007199254740991', '1-9007199254740992'],
  words: ['-', '0', '9007199254740991', '９', '١'],
  run(bytes) {
    const text = bytes.toString()
    const found = parsePosition(text)
    const point = parseResumePoint(text)
    hold(JSON.stringify(sdk.parsePosition(text)) === JSON.stringify(found), 'the SDK reads another position')
    hold(sdk.isResumePoint(text) === (point !== undefined), 'the SDK takes other resume points')
    if (point === undefined) return
    hold(text.length <= POSITION_BYTES_MAX, 'a position is too long')
    if (point.kind === 'from') {
      hold(Number.isSafeInteger(point.time) && point.time >= 0, 'an instant is no instant')
      return
    }
    hold(found !== undefined, 'a resume point after a position that is none')
    hold(
      Number.isSafeInteger(found.time) && Number.isSafeInteger(found.sequence),
      'a position of numbers that are none',
    )
    const again = parsePosition(formatPosition(found))
    hold(JSON.stringify(again) === JSON.stringify(found), 'written again it is another position')
  },
}

export const types: Target = {
  name: 'types',
  seeds: ['call.*,operator.joined_call', '*', 'agent_*', 'call.strated', '', 'constructor,__proto__', 'x'.repeat(70)],
  words: [...new Set(builtinCatalogue.all().flatMap(({ type, family }) => [type, `${family}.*`, '*', ',']))],
  run(bytes) {
    const patterns = bytes.toString().split(',')
    for (const kind of KINDS) {
      const filter = compileTypeFilter(builtinCatalogue, kind, patterns)
      if (filter.ok) {
        for (const { type } of builtinCatalogue.all(kind)) {
          hold(filter.matches(type) === filter.types.includes(type), `${type} is let through, or not, against the list`)
        }
        continue
      }
      hold(filter.errors.length > 0, 'refused without a word')
      for (const { path, message } of filter.errors) {
        hold(leadsSomewhere(patterns, path), `${path} leads nowhere`)
        hold(message !== '' && !/\p{Cc}/u.test(message), 'a message is empty, or holds control characters')
      }
    }
  },
}

/** Told as one JSON type each: what a mask keeps. */
const typeName = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)

export const event: Target = {
  name: 'event',
  seeds: builtinCatalogue.all().map(({ example }) => JSON.stringify(example)),
  words: [...new Set(builtinCatalogue.all().flatMap(({ fields }) => Object.keys(fields).map((name) => `"${name}":`)))],
  run(bytes) {
    const raw = jsonOf(bytes)
    if (raw === undefined) return
    for (const kind of KINDS) for (const extraFields of EXTRAS) one(kind, extraFields, raw)
  },
}

function one(kind: ChannelKind, extraFields: (typeof EXTRAS)[number], raw: unknown): void {
  const before = JSON.stringify(raw)
  const result = accept(builtinCatalogue, kind, raw, { extraFields })
  hold(JSON.stringify(raw) === before, 'what was sent has been changed')
  if (!result.ok) {
    hold(result.errors.length > 0 && result.errors.length <= ERRORS_MAX, `${result.errors.length} errors`)
    for (const { path, message } of result.errors) {
      hold(leadsSomewhere(raw, path), `${path} leads nowhere`)
      hold(message !== '', 'a message is empty')
    }
    return
  }
  const { event: accepted, type } = result
  const again = accept(builtinCatalogue, kind, accepted, { extraFields })
  hold(again.ok && JSON.stringify(again.event) === JSON.stringify(accepted), 'accepted again it is another event')
  kept(kind, type.type, accepted)
  const masked = mask(type, accepted)
  hold(Object.keys(masked).join() === Object.keys(accepted).join(), 'a mask has changed the names')
  for (const [name, value] of Object.entries(masked)) {
    hold(typeName(value) === typeName(accepted[name]), `a mask has changed the type of ${name}`)
  }
  kept(kind, type.type, masked)
}

const CHANNEL = channelKey({ workspace: 'w' })

/** Stored and read back it is the same. */
function kept(kind: ChannelKind, type: string, accepted: JsonObject): void {
  const json = JSON.stringify(accepted)
  const position = { time: 1_763_788_800_123, sequence: 42 }
  const [encoded] = encodeBlocks(CHANNEL, kind, 0, [{ position, type, event: accepted, json }])
  hold(encoded !== undefined, 'nothing was encoded')
  const entry = decodeBlock(encoded.key, encoded.value)?.entry(0)
  hold(entry !== undefined && entry.type === type, 'what was stored cannot be read back')
  hold(JSON.stringify(entry.event) === json, 'what was stored comes back as something else')
  const lines = kind === 'workspace' ? 4 : 0
  hold(entry.frame.toString().split(/[\r\n]/).length === lines + 1, 'a value ends a line of its frame')
}

const ORDER = {
  channel: 'workspace',
  type: 'acme.order_placed',
  title: 'Order placed',
  meaning: 'A customer has placed an order.',
  fields: {
    order_id: { type: 'string', description: 'The order.', pattern: '^[a-z]+$' },
    lines: {
      type: 'array',
      description: 'What was ordered.',
      items: { type: 'object', properties: { sku: { type: 'string', description: 'x', 'x-personal-data': true } } },
    },
    email: { type: ['string', 'null'], description: 'Where the receipt goes.', 'x-personal-data': true },
  },
  required: ['order_id'],
  example: { event_type: 'acme.order_placed', order_id: 'o', lines: [{ sku: 's' }] },
}

export const catalogue: Target = {
  name: 'catalogue',
  seeds: [
    JSON.stringify({ prefix: 'acme', events: [ORDER] }),
    JSON.stringify({
      $schema: 'x',
      prefix: 'acme',
      events: [
        {
          channel: 'observer',
          type: 'acme_seen',
          title: 't',
          meaning: 'm',
          fields: { n: { type: 'integer', description: 'x', minimum: 0, enum: [1, 2], 'x-unit': 's' } },
          example: { type: 'acme_seen', n: 1 },
        },
      ],
    }),
  ],
  words: [
    ...['type', 'description', 'items', 'properties', 'enum', 'const', 'pattern', 'format', 'required', 'multipleOf'],
    ...['additionalProperties', 'uniqueItems', 'minLength', 'maximum', 'x-unit', 'x-personal-data', '$ref', 'anyOf'],
  ].flatMap((keyword) => [`"${keyword}":`, '"(a+)+$"', '"string"', '"object"', '"date-time"']),
  run(bytes) {
    const json = jsonOf(bytes)
    if (json === undefined) return
    const parsed = parseCustomCatalogue(json)
    if (parsed.ok) {
      const whole = builtinCatalogue.with(parsed.definitions)
      for (const { channel, example } of parsed.definitions) {
        hold(accept(whole, channel, example, { extraFields: 'refuse' }).ok, 'its own example is refused')
      }
      return
    }
    hold(parsed.errors.length > 0 && parsed.errors.length <= ERRORS_MAX, `${parsed.errors.length} errors`)
    for (const { path } of parsed.errors) hold(leadsSomewhere(json, path), `${path} leads nowhere`)
  },
}
