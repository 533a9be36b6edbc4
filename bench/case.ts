import type { Stage } from './stage.js'

/** One thing that is measured. Its file says above its code what it measures and what would fool it. */
export interface Case {
  readonly name: string
  /** One line. */
  readonly summary: string
  /** Whether it adds to the chart. Default: false. */
  readonly isCharted?: boolean
  /** @throws Error when anything was lost, doubled or out of order: a figure of a wrong run is none. */
  run(stage: Stage): Promise<Result>
}

export interface Result {
  /** Everything that was measured, a JSON line each. */
  readonly measured: readonly Row[]
  /** What people look at. */
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
  /** What the reader of the table must know. */
  readonly notes: readonly string[]
  /** What it adds to the chart. */
  readonly bars?: readonly Bar[]
}

/** A figure of one server, for the chart. */
export interface Bar {
  /** What was measured. */
  readonly group: string
  readonly name: string
  readonly value: number
}

export type Row = Readonly<Record<string, string | number>>

export interface Column {
  readonly key: string
  readonly heading: string
}

/** Runs on other days differ in the third digit. */
const DIGITS = 3

/** A cell for people. Counts of which every digit is meant come as text. */
export function shown(value: string | number | undefined): string {
  if (typeof value !== 'number') return value ?? ''
  return value.toLocaleString('en-US', { maximumSignificantDigits: DIGITS })
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}
