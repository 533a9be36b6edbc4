import { expect, test } from 'vitest'
import { Undo } from './undo.js'

test('parts are closed the last first, each of them, whatever fails', async () => {
  const closed: string[] = []
  const undo = new Undo()
  undo.later('a', (part) => void closed.push(part))
  undo.later('b', () => {
    throw new Error('stuck')
  })
  undo.later('c', async (part) => {
    await Promise.resolve()
    closed.push(part)
  })
  await undo.all()
  expect(closed).toEqual(['c', 'a'])
})
