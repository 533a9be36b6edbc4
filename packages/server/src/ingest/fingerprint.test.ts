import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson, createFingerprint } from './fingerprint.js'

const fingerprint = createFingerprint(() => Buffer.alloc(32, 1))

test('the order of members does not matter, that of elements does', () => {
  expect(fingerprint({ a: 1, b: { c: 2, d: 3 } })).toBe(fingerprint({ b: { d: 3, c: 2 }, a: 1 }))
  expect(fingerprint([1, 2])).not.toBe(fingerprint([2, 1]))
})

test('what differs has another fingerprint', () => {
  const values = [{}, [], null, '', '{}', 0, false, { a: null }, { a: 0 }, { a: '0' }, { a: { a: 0 } }, ['a', 0]]
  expect(new Set(values.map(fingerprint)).size).toBe(values.length)
})

test('whoever has another key comes to another fingerprint', () => {
  expect(createFingerprint(() => Buffer.alloc(32, 2))('+15550142')).not.toBe(fingerprint('+15550142'))
})

test('the canonical form is JSON of the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})
