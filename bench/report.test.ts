import { expect, test } from 'vitest'
import { markdownTable, replaceTable, textTable } from './report.js'

const columns = [
  { key: 'what', heading: 'what' },
  { key: 'rate', heading: 'a second' },
]
const rows = [
  { what: 'one', rate: 12_345.6 },
  { what: 'another', rate: 0.01234 },
]

test('a table shows three digits, and the same ones to people and in documents', () => {
  expect(textTable({ columns, rows })).toBe('what     a second\none        12,300\nanother    0.0123')
  expect(markdownTable({ columns, rows })).toBe(
    '| what | a second |\n| --- | ---: |\n| one | 12,300 |\n| another | 0.0123 |',
  )
})

test('a table takes the place of what stood between its marks, and of nothing else', () => {
  const document =
    'before\n<!-- bench: a -->\nold\n<!-- end of bench: a -->\nafter\n<!-- bench: b -->\n<!-- end of bench: b -->\n'
  expect(replaceTable(document, 'a', 'new')).toBe(document.replace('old', 'new'))
  expect(replaceTable(document, 'b', 'new')).toContain('<!-- bench: b -->\nnew\n<!-- end of bench: b -->')
})

test('a document without the marks is told of, and not changed', () => {
  expect(() => replaceTable('nothing', 'a', 'new')).toThrow('lacks the lines "<!-- bench: a -->"')
  expect(() => replaceTable('<!-- end of bench: a -->\n<!-- bench: a -->\n', 'a', 'new')).toThrow('lacks')
})
