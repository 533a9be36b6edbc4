import { SwitchboardError } from '@switchboard/contract'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { firstInvalidUtf8, parseJson } from './json.js'
import { locateJsonFault } from './json-fault.js'

function refusal(bytes: Buffer): SwitchboardError {
  try {
    parseJson(bytes)
  } catch (error) {
    if (error instanceof SwitchboardError) return error
  }
  throw new Error('Not refused')
}

describe('a text that is not JSON', () => {
  test.each([
    ['', 'expected a value', 1, 1],
    ['  \n ', 'expected a value', 2, 2],
    ['{"a":1,}', 'expected a member name in double quotes', 1, 8],
    ["{'a':1}", 'expected a member name in double quotes', 1, 2],
    ['{"a" 1}', "expected ':'", 1, 6],
    ['{\n  "a": 1\n  "b": 2\n}', "expected ',' or '}'", 3, 3],
    ['[1 2]', "expected ',' or ']'", 1, 4],
    ['[1,]', 'expected a value', 1, 4],
    ['{"a":tru}', 'expected a value', 1, 6],
    ['{"a":01}', "expected ',' or '}'", 1, 7],
    ['{"a":"b', 'the string is not closed', 1, 6],
    ['{"a":"b\nc"}', 'unescaped control character in a string', 1, 8],
    ['{"a":"\\x"}', 'unknown escape in a string', 1, 7],
    ['{"a":1', 'unexpected end', 1, 7],
    ['{"a":1} x', 'unexpected text after the value', 1, 9],
  ])('%j: %s', (text, message, line, column) => {
    expect(() => JSON.parse(text)).toThrow()
    expect(locateJsonFault(text)).toEqual({ line, column, message })
  })

  test('is told without a piece of it', () => {
    const error = refusal(Buffer.from('{"caller_id": "+15550100" "x": 1}'))
    expect(error.code).toBe('invalid_json')
    expect(error.detail).toBe("The body is not JSON: expected ',' or '}' at line 1, column 27.")
    expect(JSON.stringify(error)).not.toContain('555')
  })

  test('is found wherever it was broken, and only there', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', '"', '{', ']', ',', 'x', '\\', '\u0001'),
        (json, at, junk) => {
          const cut = at % (json.length + 1)
          const text = json.slice(0, cut) + junk + json.slice(cut + 1)
          let valid = true
          try {
            JSON.parse(text)
          } catch {
            valid = false
          }
          expect(locateJsonFault(text).message === 'no fault').toBe(valid)
        },
      ),
    )
  })

  test('is found in time that grows with its length alone, however deep it is', () => {
    const depth = 200_000
    expect(locateJsonFault('['.repeat(depth)).column).toBe(depth + 1)
  })
})

describe('a text that is not UTF-8', () => {
  test.each([
    [[0x7b, 0xff], 1],
    [[0x22, 0xc3, 0xbc, 0xc3, 0x22], 3],
    [[0x22, 0xed, 0xa0, 0x80, 0x22], 1],
    [[0x22, 0xf0, 0x9f, 0x98], 1],
    [[0xc0, 0x80], 0],
  ])('%j is refused at byte %i', (bytes, offset) => {
    expect(firstInvalidUtf8(Buffer.from(bytes))).toBe(offset)
    const error = refusal(Buffer.from(bytes))
    expect([error.code, error.detail]).toEqual(['invalid_json', `The body is not UTF-8: byte ${offset} does not fit.`])
  })

  test('is told apart from every text that is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const bytes = Buffer.from(text)
        expect(firstInvalidUtf8(bytes)).toBe(bytes.length)
      }),
    )
  })
})

test('of two members with one name the last counts', () => {
  expect(parseJson(Buffer.from('{"a":1,"a":2}'))).toEqual({ a: 2 })
})
