import { expect, test } from 'vitest'
import { NUMBER_BASE, SENT_BASE, syncCompleted } from './events.js'
import { NUMBER_PLACE, SENT_PLACE, Template } from './template.js'

const place = syncCompleted.text(NUMBER_PLACE, SENT_PLACE, 1)

test('numbers and moments take their places, and nothing else changes', () => {
  const template = new Template(`[${place},${place}]`, 2)
  const [number, sent] = [NUMBER_BASE + 90_210, SENT_BASE + 16_512_345_678]
  const text = (more: number) => syncCompleted.text(number + more, sent, 1)
  expect(template.fill(number, sent).toString()).toBe(`[${text(0)},${text(1)}]`)
  expect(template.fill(NUMBER_BASE, SENT_BASE).toString()).toContain(syncCompleted.text(NUMBER_BASE, SENT_BASE, 1))
})

test('a request that lacks a place is refused', () => {
  expect(() => new Template(place, 2)).toThrow('a request of 2 events has places for 1')
})
