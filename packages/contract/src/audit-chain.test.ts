import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { AUDIT_GENESIS, auditBreak, auditText, canonicalJson } from './audit-chain.js'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('canonical JSON', () => {
  test('is that of the example in RFC 8785, section 3.2', () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    }
    expect(canonicalJson(value)).toBe(
      `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA'B\\"\\\\\\\\\\"/"}`,
    )
  })

  test.each([
    [{ a: { 10: 1, 9: 2 } }, '{"a":{"10":1,"9":2}}'],
    [{ a: 1, b: [{ d: 1, c: 2 }] }, '{"a":1,"b":[{"c":2,"d":1}]}'],
    [{ '': 1, a: { b: 'x' } }, '{"":1,"a":{"b":"x"}}'],
    [{ a: { b: 1 }, c: [null, 'é'] }, '{"a":{"b":1},"c":[null,"é"]}'],
  ])('is the same whether the names came in order or not: %j', (value, text) => {
    expect(canonicalJson(value)).toBe(text)
  })

  test('orders names by their UTF-16 units, as section 3.2.3 shows, at every depth', () => {
    const names = ['€', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', 'ö']
    const value = Object.fromEntries(names.map((name, index) => [name, { b: index, a: 0 }]))
    const order = [...canonicalJson(value).matchAll(/"([^"]+)":\{"a":0,"b"/g)].map(([, name]) => name)
    expect(order).toEqual(['\\r', '1', '\u0080', 'ö', '€', '\u{1f600}', '\ufb33'])
  })
})

const record = (sequence: number, previous: string, more: object = {}) => {
  const fields = { sequence, previous, action: 'key.used', ...more }
  return { ...fields, hash: sha256(auditText(fields)) }
}

describe('a record', () => {
  const first = record(1, AUDIT_GENESIS)
  const second = record(2, first.hash)

  test('stands behind the one before it, and behind nothing else', () => {
    expect(auditBreak(first, undefined, sha256)).toBeUndefined()
    expect(auditBreak(second, first, sha256)).toBeUndefined()
    expect(auditBreak(record(3, second.hash), first, sha256)).toBe('missing')
    expect(auditBreak(first, second, sha256)).toBe('out_of_order')
    expect(auditBreak(record(2, AUDIT_GENESIS), first, sha256)).toBe('not_linked')
    expect(auditBreak(record(1, sha256('another past')), undefined, sha256)).toBe('not_linked')
    expect(auditBreak({ ...second, action: 'key.created' }, first, sha256)).toBe('altered')
    expect(auditBreak({ ...second, more: 1 }, first, sha256)).toBe('altered')
    expect(auditBreak({ action: 'key.used' }, first, sha256)).toBe('not_a_record')
  })

  test('the first at hand may be any, when retention has removed what was before it', () => {
    expect(auditBreak(second, undefined, sha256)).toBeUndefined()
  })
})
