import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { failures } from '../api/failures.js'
import { builtinCatalogue } from '../catalogue/index.js'
import { eventsPage, failuresPage } from './markdown.js'

const committed = (name: string) => readFileSync(new URL(`../../../../docs/reference/${name}`, import.meta.url), 'utf8')

test('the page of failures lists each failure once, and no other', () => {
  const codes = [...failuresPage().matchAll(/^\| `([a-z_]+)` \|/gm)].map((match) => match[1])
  expect(codes).toEqual(Object.keys(failures))
})

test('the page of events has each type and marks what is personal, optional or has a unit', () => {
  const page = eventsPage(builtinCatalogue)
  const headings = [...page.matchAll(/^### (.+)$/gm)].map((match) => match[1])
  expect([...headings].sort()).toEqual(
    builtinCatalogue
      .all()
      .map(({ type }) => type)
      .sort(),
  )
  expect(page).toMatch(/\| \*`caller_id`\* \| string, or null \| .*\*\*pd\*\*/)
  expect(page).toMatch(/\| `duration_seconds` \| number \| .*in s/)
  expect(page).toMatch(/\| `field_id` or `field_key` \|/)
})

test('the committed pages are what the contract says (else: run `npm run generate`)', () => {
  expect(committed('events.md') === eventsPage(builtinCatalogue)).toBe(true)
  expect(committed('failures.md') === failuresPage()).toBe(true)
})
