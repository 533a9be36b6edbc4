import { AUDIT_GENESIS, auditText } from '@switchboard/contract'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256, verify } from './verify.js'

/** An export of so many records. */
function chain(count: number, workspace = 'w1'): string[] {
  const lines: string[] = []
  let previous = AUDIT_GENESIS
  for (let sequence = 1; sequence <= count; sequence++) {
    const fields = {
      sequence,
      time: '2026-01-01T00:00:00.000Z',
      workspace_id: workspace,
      actor: { kind: 'api-key', key_id: 'k1', token_id: null },
      action: 'stream.opened',
      details: { stream: sequence, filters: ['call_sid'] },
      previous,
    }
    previous = sha256(auditText(fields))
    lines.push(JSON.stringify({ ...fields, hash: previous }))
  }
  return lines
}

const hashOf = (line: string | undefined) => String(JSON.parse(line ?? '{}').hash)

describe('a chain', () => {
  const lines = chain(6)

  test('that is whole is found to be, with its first and its last record', async () => {
    const [first, last] = [lines[0], lines[5]].map(hashOf)
    const ends = { first: { sequence: 1, hash: first }, last: { sequence: 6, hash: last } }
    expect(await verify(lines)).toEqual({ kind: 'ok', count: 6, ...ends })
    expect(await verify(lines, { head: hashOf(lines[3]) })).toMatchObject({ kind: 'ok' })
    expect(await verify(lines, { from: hashOf(lines[1]) })).toMatchObject({ kind: 'ok', count: 4 })
    expect(await verify(lines.slice(2))).toMatchObject({ kind: 'ok', count: 4, first: { sequence: 3 } })
    expect(await verify([])).toEqual({ kind: 'empty' })
  })

  test('any byte that is changed is found, and in which record', async () => {
    const text = Buffer.from(lines.join('\n'))
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const changed = Buffer.from(text)
        changed[at] = (changed[at] as number) ^ by
        const verdict = await verify(changed.toString().split('\n'))
        const line = text.subarray(0, at).toString().split('\n').length
        expect(verdict).toMatchObject({ kind: 'broken' })
        // A record that is altered is named itself; a line that was joined to the next, or cut in two, is the first of them.
        expect((verdict as { line: number }).line).toBe(line)
      }),
      { numRuns: 1500 },
    )
  })

  test('any byte that is added or taken away is found', async () => {
    const text = Buffer.from(lines.join('\n'))
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.option(fc.integer({ min: 0, max: 255 })), async (at, added) => {
        const middle = added === null ? [] : [added, text[at] as number]
        const changed = Buffer.concat([text.subarray(0, at), Buffer.from(middle), text.subarray(at + 1)])
        // Between two lines one more line feed says nothing; the reader of files skips empty lines.
        fc.pre(!(added === 10 && (text[at] === 10 || text[at - 1] === 10)) && !(added === 10 && at === 0))
        expect(await verify(changed.toString().split('\n'))).toMatchObject({ kind: 'broken' })
      }),
      { numRuns: 1000 },
    )
  })

  test.each([
    ['removed in the middle', [0, 1, 3, 4, 5], 4],
    ['put in once more', [0, 1, 2, 2, 3, 4, 5], 3],
    ['put in another order', [0, 2, 1, 3, 4, 5], 3],
    ['moved to the front', [5, 0, 1, 2, 3, 4], 1],
  ])('a record that was %s is found', async (_, order, at) => {
    expect(await verify(order.map((index) => lines[index] ?? ''))).toMatchObject({ kind: 'broken', at })
  })

  test('records that were taken off either end are missed by whoever noted a hash', async () => {
    const noted = hashOf(lines[5])
    expect(await verify(lines.slice(0, 5))).toMatchObject({ kind: 'ok' })
    expect(await verify(lines.slice(0, 5), { head: noted })).toMatchObject({ kind: 'broken', at: 6 })
    expect(await verify([], { head: noted })).toMatchObject({ kind: 'broken', at: 1 })
    expect(await verify(lines.slice(3), { from: hashOf(lines[1]) })).toMatchObject({ kind: 'broken' })
  })

  test('a record of another workspace, or a whole chain in its place, is found', async () => {
    const other = chain(6, 'w2')
    expect(await verify([...lines.slice(0, 3), ...other.slice(3)])).toMatchObject({ kind: 'broken', at: 4 })
    expect(await verify(other, { head: hashOf(lines[5]) })).toMatchObject({ kind: 'broken' })
  })

  test('a member that stands there twice is no way to say two things', async () => {
    const twice = (lines[2] ?? '').replace('"action":', '"action":"key.used","action":')
    expect(await verify([...lines.slice(0, 2), twice])).toMatchObject({ kind: 'broken', line: 3 })
  })
})
