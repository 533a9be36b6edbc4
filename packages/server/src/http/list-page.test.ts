import { SwitchboardError } from '@switchboard/contract'
import { expect, test } from 'vitest'
import { pageOf } from './list-page.js'

interface Page {
  items: string[]
  has_more: boolean
  continuation_token: string | null
  position: null
}

const page = (items: readonly string[], limit: number, token?: string): Page =>
  pageOf(items, (item) => item, { limit, ...(token !== undefined && { continuation_token: token }) }) as Page

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
