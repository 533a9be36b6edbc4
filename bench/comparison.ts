import { type Bar, type Case, type Column, median, type Result, type Row } from './case.js'
import { installed } from './products.js'
import { ours } from './servers/ours.js'
import type { Product } from './servers/server.js'
import type { Stage } from './stage.js'
import { figureOf, ofNchan, type Target, targetLines } from './target.js'
import { boundText, type Trial, tryOut } from './trial.js'

export interface Comparison {
  readonly name: string
  readonly summary: string
  readonly trial: Trial
  readonly targets: readonly Target[]
  /** Its name in the chart; absent: it is not in it. */
  readonly chart?: string
}

const COLUMNS: readonly Column[] = [
  { key: 'server', heading: 'server' },
  { key: 'deliveriesPerCpuSecond', heading: 'deliveries a CPU second' },
  { key: 'ofNchan', heading: 'of nchan' },
  { key: 'deliveriesPerSecond', heading: 'deliveries/s by the clock' },
  { key: 'p50', heading: 'p50, ms' },
  { key: 'p99', heading: 'p99, ms' },
  { key: 'p999', heading: 'p99.9, ms' },
  { key: 'lostText', heading: 'lost' },
  { key: 'serverCores', heading: 'cores taken by the server' },
  { key: 'clients', heading: 'by the clients' },
]

/** A case that tries the same with all servers that are there, in turn. */
export function comparison({ name, summary, trial, targets, chart }: Comparison): Case {
  return {
    name,
    summary,
    isCharted: chart !== undefined,
    async run(stage): Promise<Result> {
      const protocol = trial.protocol ?? 'sse'
      const { present } = await installed()
      const products = present.filter(({ protocols }) => protocols.includes(protocol))
      const measured = await inTurn(stage, products, async (product) => (await tryOut(stage, product, trial)).row)
      const rows = medians(measured, products).map((row, _, all) => ({
        ...row,
        ofNchan: ratio(row, all, 'deliveriesPerCpuSecond'),
        clients: boundText(Number(row.clientCores)),
        lostText: lostText(row),
      }))
      return {
        measured,
        columns: COLUMNS,
        rows,
        notes: [
          ...targetLines(targets, rows),
          'Subscribers of Switchboard had every event once and in order. Milliseconds are from sending an event to its receipt.',
        ],
        ...(chart !== undefined && { bars: barsOf(chart, rows) }),
      }
    },
  }
}

/**
 * Has all of them measured in every round, in turn. One of the others that fails has no figures.
 * @throws Error when ours fails.
 */
export async function inTurn(
  stage: Stage,
  products: readonly Product[],
  measure: (product: Product) => Promise<Row>,
): Promise<Row[]> {
  const measured: Row[] = []
  for (let round = 1; round <= stage.rounds; round++) {
    for (const product of products) {
      try {
        measured.push({ round, ...(await measure(product)) })
      } catch (error) {
        if (product.name === ours.name) throw error
        stage.say(`${product.name} has no figures of round ${round}: ${(error as Error).message}`)
      }
    }
  }
  return measured
}

/** A row for each server that was measured, with the median of each column. */
export function medians(measured: readonly Row[], products: readonly Product[]): Row[] {
  return products.flatMap(({ name }) => {
    const row = medianRow(measured.filter(({ server }) => server === name))
    return row === undefined ? [] : [row]
  })
}

/** The median of each column; the first row's text where it is one. Undefined without rows. */
export function medianRow(rows: readonly Row[]): Row | undefined {
  const [first] = rows
  if (first === undefined) return undefined
  const of = (key: string) =>
    typeof first[key] === 'number' ? median(rows.map((row) => Number(row[key]))) : first[key]
  return Object.fromEntries(Object.keys(first).map((key) => [key, of(key) ?? '']))
}

/** A figure as a multiple of nchan's, for a cell. */
export function ratio(row: Row, rows: readonly Row[], key: string): number | string {
  const value = Number(row[key]) / figureOf(rows, key, { server: 'nchan' })
  return Number.isNaN(value) ? '' : value
}

export function lostText({ lost, repeats, late }: Row): string {
  const other = Number(repeats) + Number(late)
  return `${Number(lost).toLocaleString('en-US')}${other > 0 ? `, ${other.toLocaleString('en-US')} doubled or late` : ''}`
}

export function barsOf(group: string, rows: readonly Row[]): readonly Bar[] {
  return rows.map(({ server, deliveriesPerCpuSecond }) => ({
    group,
    name: String(server),
    value: Number(deliveriesPerCpuSecond),
  }))
}

/** Our deliveries a CPU second, as a multiple of nchan's. */
export function deliveriesTarget(least: number): Target {
  return {
    what: 'deliveries a CPU second',
    least,
    unit: "× nchan's",
    value: (rows) => ofNchan(rows, 'deliveriesPerCpuSecond'),
  }
}
