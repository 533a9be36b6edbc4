import { SwitchboardError } from '@switchboard/contract'
import { expect, test } from 'vitest'
import { orderedPage, pageOf } from './list-page.js'

const page = (items: readonly string[], limit: number, token?: string) =>
  pageOf(items, (item) => item, { limit, ...(token !== undefined && { continuation_token: token }) })

test('pages give every item once, and the last says that it is the last', () => {
  const items = ['a', 'b', 'c', 'd', 'e']
  for (const limit of [1, 2, 4, 5, 6]) {
    const seen: string[] = []
    let token: string | undefined
    for (;;) {
      const answer = page(items, limit, token)
      seen.push(...answer.items)
      expect(answer.has_more).toBe(answer.continuation_token !== null)
      if (answer.continuation_token === null) break
      token = answer.continuation_token
    }
    expect(seen).toEqual(items)
  }
})

test('an item that is added between two pages moves nothing', () => {
  const first = page(['a', 'b', 'c'], 2)
  expect(page(['0', 'a', 'b', 'c'], 2, first.continuation_token ?? '').items).toEqual(['c'])
})

test('a continuation that is not of the list is refused', () => {
  expect(() => page(['a'], 1, 'z')).toThrow(SwitchboardError)
})

test('pages in the order of a key go on behind an item that is gone', () => {
  const ordered = (items: readonly string[], token?: string) =>
    orderedPage(items, (item) => item, { limit: 2, ...(token !== undefined && { continuation_token: token }) })
  const first = ordered(['c', 'a', 'b'])
  expect(first).toMatchObject({ items: ['a', 'b'], has_more: true })
  expect(ordered(['a', 'd', 'c'], first.continuation_token ?? '')).toMatchObject({ items: ['c', 'd'], has_more: false })
  expect(() => ordered(['a'], '!')).toThrow(SwitchboardError)
})
