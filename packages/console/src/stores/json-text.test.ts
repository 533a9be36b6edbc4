import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readJson } from './json-text.js'

const place = (text: string) => {
  const reading = readJson(text)
  if (!('fault' in reading)) throw new Error(`this is JSON: ${text}`)
  const { line, column, message } = reading.fault
  return `${line}:${column} ${message}`
}

test('a text that is JSON is its value', () => {
  const text = fc.jsonValue().map((value) => JSON.stringify(value, null, 2))
  fc.assert(
    fc.property(text, (each) => {
      expect(readJson(each)).toEqual({ value: JSON.parse(each) })
    }),
  )
})

test.each([
  ['', '1:1 a value is expected here'],
  ['{', '1:2 a member or } is expected here'],
  ['[1', '1:3 a comma or ] is expected here'],
  ['{\n  "a": 1,\n}', '3:1 a name in double quotes is expected here'],
  ['{\n  "a": 1\n  "b": 2\n}', '3:3 a comma or } is expected here'],
  ['{"a" 1}', '1:6 a colon is expected here'],
  ["{'a': 1}", '1:2 a name in double quotes is expected here'],
  ['{"a": tru}', '1:7 a value is expected here'],
  ['{"a": 01}', '1:8 a comma or } is expected here'],
  ['{"a": "\\x"}', '1:8 this escape is not known'],
  ['{} {}', '1:4 nothing may follow the end of the value'],
])('%j is told as %s', (text, told) => expect(place(text)).toBe(told))

test('a text without its closing quote is told where it begins', () => {
  expect(place('{\n  "a": "b,\n  "c": 1\n}')).toMatch(/^2:8 this text has no closing quote/)
})

test('wherever a text is cut, the fault is no later than the cut', () => {
  const cut = fc.tuple(fc.jsonValue(), fc.nat()).map(([value, at]) => {
    const text = JSON.stringify({ value }, null, 1)
    return text.slice(0, at % text.length)
  })
  fc.assert(
    fc.property(cut, (text) => {
      const reading = readJson(text)
      if (!('fault' in reading)) throw new Error('a part of an object was read as JSON')
      const { line, column } = reading.fault
      const lines = text.split('\n')
      expect(line).toBeLessThanOrEqual(lines.length)
      expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 1)
      expect(reading.fault.message).not.toBe('this cannot be read')
    }),
  )
})
