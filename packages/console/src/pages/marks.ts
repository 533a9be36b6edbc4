export const FAMILIES = ['call', 'operator', 'surface', 'pipeline'] as const

const MARKS: Readonly<Record<string, string>> = { call: '◗', operator: '◇', surface: '▤', pipeline: '⇉' }

/** Families are told apart by a small mark, not by a colour. */
export function markOf(type: string): string {
  return MARKS[type.split('.')[0] ?? ''] ?? '·'
}
