import {
  type Accepted,
  accept,
  builtinCatalogue,
  type ChannelKind,
  discriminators,
  type EventType,
  type JsonObject,
} from '@switchboard/contract'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { leadsSomewhere } from './pointer.js'
import { type Schema, valuesOf } from './schema.js'
import { event as parser } from './targets/contract.js'

/** The same events at each run; fast-check prints the seed and the path to what it found. */
const CHANCE = { seed: 20261126, numRuns: 12 }

const refuse = (kind: ChannelKind, raw: unknown) => accept(builtinCatalogue, kind, raw, { extraFields: 'refuse' })

/** Events of a type as producers may send them, made of its schema alone. */
function eventsOf(type: EventType): fc.Arbitrary<JsonObject> {
  const pairs = type.spellings ?? []
  return valuesOf(type.accepted as Schema, () => {
    throw new Error('a schema of the catalogue stands by itself')
  }).chain((value) => {
    const event = value as Record<string, unknown>
    // Two names of one field: together they must say the same, and one may be left out.
    return fc.tuple(...pairs.map(() => fc.constantFrom(0, 1, 2))).map((choices) => {
      const given = { ...event }
      for (const [index, { names }] of pairs.entries()) {
        const [first, second] = names
        const known = given[first] ?? given[second] ?? type.example[first]
        for (const name of names) delete given[name]
        if (choices[index] !== 1) given[first] = known
        if (choices[index] !== 0) given[second] = known
      }
      return given
    })
  })
}

/** What differs from an event in one thing that its schema does not allow. */
function mutations(type: EventType, event: JsonObject): readonly { readonly what: string; readonly raw: unknown }[] {
  const discriminator = discriminators[type.channel]
  const schema = type.accepted as Schema
  const own = Object.entries(schema.properties ?? {}).filter(([name]) => name !== discriminator)
  const paired = new Set((type.spellings ?? []).flatMap(({ names }): readonly string[] => names))
  return [
    { what: 'no type', raw: without(event, discriminator) },
    { what: 'an unknown type', raw: { ...event, [discriminator]: 'no.such_type' } },
    { what: 'a field that nobody knows', raw: { ...event, no_such_field: 1 } },
    { what: 'a name that is no name', raw: { ...event, 'a/b~c': 1 } },
    { what: 'half of a surrogate pair', raw: { ...event, [discriminator]: `${type.type}\ud800` } },
    { what: 'what is no object', raw: [event] },
    ...(schema.required ?? [])
      .filter((name) => name !== discriminator)
      .map((name) => ({ what: `without ${name}`, raw: without(event, name) })),
    ...own
      .filter(([name]) => event[name] !== undefined && !paired.has(name))
      .flatMap(([name, field]) =>
        wrongValues(field).map((value) => ({
          what: `${name}: ${JSON.stringify(value)?.slice(0, 40)}`,
          raw: { ...event, [name]: value },
        })),
      ),
  ]
}

function without(event: JsonObject, name: string): JsonObject {
  const { [name]: _, ...rest } = event
  return rest
}

/** Values of every type that a schema does not take, and of its own one step beyond each bound. */
function wrongValues({
  type,
  enum: listed,
  minimum,
  maximum,
  minLength,
  maxLength,
  pattern,
}: Schema): readonly unknown[] {
  const types = typeof type === 'string' ? [type] : (type ?? [])
  const samples: Readonly<Record<string, unknown>> = {
    string: 'x',
    number: 1.5,
    boolean: true,
    array: [],
    object: {},
    null: null,
  }
  const isNumber = types.includes('number') || types.includes('integer')
  return [
    ...Object.entries(samples)
      .filter(([name]) => !types.includes(name) && types.length > 0)
      .map(([, value]) => value),
    ...(listed ? ['none of these'] : []),
    ...(isNumber && minimum !== undefined ? [minimum - 1] : []),
    ...(isNumber && maximum !== undefined ? [maximum * 2] : []),
    ...(isNumber ? [Number.POSITIVE_INFINITY] : []),
    ...(minLength !== undefined && minLength > 0 ? [''] : []),
    ...(maxLength !== undefined ? ['x'.repeat(maxLength + 1)] : []),
    ...(pattern?.includes('\\u0000') || pattern?.startsWith('^(?!') ? ['a\u0007b'] : []),
    ...(types.includes('string') ? ['\udc00'] : []),
  ]
}

test.each(builtinCatalogue.all().map((type) => [`${type.channel}: ${type.type}`, type] as const))(
  '%s: what its schema describes is taken, kept and masked, and one change refuses it, saying where',
  (_, type) => {
    let taken = 0
    fc.assert(
      fc.property(eventsOf(type), (event) => {
        const result = refuse(type.channel, event)
        expect(result).toMatchObject({ ok: true })
        taken += 1
        // It survives storing, reading back and masking (targets/contract.ts).
        parser.run(Buffer.from(JSON.stringify(event)))
        expect((result as Accepted).type).toBe(type)
        for (const { what, raw } of mutations(type, event)) {
          const refused = refuse(type.channel, raw)
          expect(refused.ok, what).toBe(false)
          if (refused.ok) continue
          for (const { path, message } of refused.errors) {
            expect(leadsSomewhere(raw, path), `${what}: ${path} ${message}`).toBe(true)
          }
        }
      }),
      CHANCE,
    )
    expect(taken).toBe(CHANCE.numRuns)
  },
)
