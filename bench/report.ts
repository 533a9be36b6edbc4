import { readFileSync, writeFileSync } from 'node:fs'
import { type Case, type Column, type Result, type Row, shown } from './case.js'
import { type Machine, machineLine } from './machine.js'

/** For a terminal: columns as wide as their widest cell. */
export function textTable({ columns, rows }: Pick<Result, 'columns' | 'rows'>): string {
  const lines = [columns.map(({ heading }) => heading), ...cells(columns, rows)]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)))
  const text = (line: readonly string[]): string =>
    line
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ')
      .trimEnd()
  return lines.map(text).join('\n')
}

/** For a document. */
export function markdownTable({ columns, rows }: Pick<Result, 'columns' | 'rows'>): string {
  const line = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`
  const rule = columns.map((_, index) => (index === 0 ? '---' : '---:'))
  return [line(columns.map(({ heading }) => heading)), line(rule), ...cells(columns, rows).map(line)].join('\n')
}

/**
 * Puts a case's table into a document, in place of what stands between its two marks.
 *
 *     <!-- bench: publish -->
 *     …
 *     <!-- end of bench: publish -->
 *
 * @throws Error when the document has not both.
 */
export function writeTable(path: string, { name }: Case, result: Result, machine: Machine): void {
  writeFileSync(path, replaceTable(readFileSync(path, 'utf8'), name, documentText(result, machine)))
}

export function replaceTable(document: string, name: string, text: string): string {
  const begin = `<!-- bench: ${name} -->\n`
  const end = `<!-- end of bench: ${name} -->`
  const from = document.indexOf(begin)
  const to = document.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the document lacks the lines "${begin.trim()}" and "${end}"`)
  return `${document.slice(0, from + begin.length)}${text}\n${document.slice(to)}`
}

function documentText(result: Result, machine: Machine): string {
  return [markdownTable(result), '', ...result.notes, '', `Measured on ${machineLine(machine)}.`].join('\n')
}

function cells(columns: readonly Column[], rows: readonly Row[]): string[][] {
  return rows.map((row) => columns.map(({ key }) => shown(row[key])))
}
