import type { Palette } from './palette.js'
import { clean } from './text.js'

/** Columns of text under faint headings, each as wide as its widest cell. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  colours: Palette,
): readonly string[] {
  const cleaned = rows.map((row) => row.map(clean))
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cleaned.map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [colours.faint(line(headings)), ...cleaned.map(line)]
}
