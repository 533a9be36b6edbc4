import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson, fingerprint } from './fingerprint.js'

test('the order of members does not matter, that of elements does', () => {
  expect(fingerprint({ a: 1, b: { c: 2, d: 3 } })).toBe(fingerprint({ b: { d: 3, c: 2 }, a: 1 }))
  expect(fingerprint([1, 2])).not.toBe(fingerprint([2, 1]))
})

test('what differs has another fingerprint', () => {
  const values = [{}, [], null, '', '{}', 0, false, { a: null }, { a: 0 }, { a: '0' }, { a: { a: 0 } }, ['a', 0]]
  expect(new Set(values.map(fingerprint)).size).toBe(values.length)
})

test('the canonical form is JSON of the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})
