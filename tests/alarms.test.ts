import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { failures, limits } from '@switchboard/contract'
import { expect, test } from 'vitest'
import { root, TestServer } from './kit.js'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')

interface Alarm {
  readonly name: string
  readonly expr: string
  readonly text: string
}

const alarms: readonly Alarm[] = read('docs/alarms.yml')
  .split(/^ {6}- alert: /m)
  .slice(1)
  .map((text) => ({ name: text.split('\n')[0] ?? '', expr: /^ {8}expr: (.*)$/m.exec(text)?.[1] ?? '', text }))

const page = read('docs/operations.md')
/** Rows of the table of limits: the three cells of each. */
const rows = (page.split('### Limits and their alarms')[1]?.split('\n## ')[0] ?? '')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (limit|---) \|/.test(line))
  .map((line) => line.split('|').slice(1, 4) as [string, string, string])

const codesOf = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)

test('every metric that an alarm uses is served by a server, and every code is in the table of failures', async () => {
  expect(alarms.length).toBeGreaterThan(20)
  const server = await TestServer.start()
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const served = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
  for (const { name, expr } of alarms) {
    const metrics = [...expr.matchAll(/\b(?:switchboard|process|nodejs)_[a-z_]+/g)].map(([metric]) => metric)
    expect(metrics, name).not.toEqual([])
    for (const metric of metrics) {
      expect(served.has(metric) || served.has(metric.replace(/_bucket$/, '')), `${name}: ${metric}`).toBe(true)
    }
    for (const [, codes = ''] of expr.matchAll(/code=~?"([^"]+)"/g)) {
      for (const code of codes.split('|')) {
        expect(Object.hasOwn(failures, code), `${name}: ${code}`).toBe(true)
        // There from the start: what only appears with its first refusal has not risen in the eyes of Prometheus.
        expect(text).toContain(`switchboard_refusals_total{code="${code}"} `)
      }
    }
  }
})

test('alarms are whole: a name of their own, how long, how bad, and what it means in a line', () => {
  expect(new Set(alarms.map(({ name }) => name)).size).toBe(alarms.length)
  for (const { name, expr, text } of alarms) {
    expect(name).toMatch(/^Switchboard[A-Za-z]+$/)
    expect(expr, name).not.toBe('')
    expect(text, name).toMatch(/^ {8}for: \d+[sm]$/m)
    expect(text, name).toMatch(/^ {8}labels: \{ severity: (critical|warning|info) \}$/m)
    expect(text, name).toMatch(/^ {8}annotations: \{ summary: "[^"]+\." \}$/m)
  }
})

test('every limit has a metric and an alarm that uses it, or is said to refuse nobody', () => {
  expect(rows.length).toBeGreaterThan(10)
  const byName = new Map(alarms.map((alarm) => [alarm.name, alarm]))
  for (const [limit, metric, alarm] of rows) {
    const used = codesOf(alarm).map((name) => byName.get(name)?.expr ?? `no alarm ${name}`)
    for (const what of codesOf(metric)) expect(used.join(' '), limit).toContain(what)
    expect(codesOf(metric).length, limit).toBeGreaterThan(0)
  }
  const [, harmless = ''] = /^These shape what is sent and refuse nobody: (.*?)\.$/ms.exec(page) ?? []
  const told = [...rows.flatMap(([limit]) => codesOf(limit)), ...codesOf(harmless)]
  expect(Object.keys(limits).filter((limit) => !told.includes(limit))).toEqual([])
  const known = told.filter((name) => !name.startsWith('SWITCHBOARD_') && name !== 'LimitNOFILE')
  expect(known.filter((name) => !Object.hasOwn(limits, name))).toEqual([])
  // And none is there that nobody has told of.
  const listed = new Set(rows.flatMap(([, , alarm]) => codesOf(alarm)))
  expect([...listed].filter((name) => !byName.has(name))).toEqual([])
})
