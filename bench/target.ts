import { type Row, shown } from './case.js'

/** What we want to reach. */
export interface Target {
  readonly what: string
  readonly least?: number
  readonly most?: number
  /** Unit, or what it is a multiple of. */
  readonly unit: string
  /** @returns NaN when it was not measured. */
  value(rows: readonly Row[]): number
}

/** A line for people, for each. */
export function targetLines(targets: readonly Target[], rows: readonly Row[]): readonly string[] {
  return targets.map(({ what, least, most, unit, value }) => {
    const wanted = [least !== undefined && `at least ${shown(least)}`, most !== undefined && `at most ${shown(most)}`]
    const got = value(rows)
    const isMet = got >= (least ?? Number.NEGATIVE_INFINITY) && got <= (most ?? Number.POSITIVE_INFINITY)
    const verdict = Number.isNaN(got) ? 'not measured' : `${shown(got)}, ${isMet ? 'met' : 'missed'}`
    return `Target: ${what}, ${wanted.filter(Boolean).join(' and ')} ${unit}: ${verdict}.`
  })
}

/** A column of the row that has a text in another; NaN when there is none. */
export function figureOf(rows: readonly Row[], key: string, where: Row): number {
  const row = rows.find((one) => Object.entries(where).every(([name, value]) => one[name] === value))
  return Number(row?.[key] ?? Number.NaN)
}

/** Our figure as a multiple of nchan's. */
export function ofNchan(rows: readonly Row[], key: string): number {
  return figureOf(rows, key, { server: 'Switchboard' }) / figureOf(rows, key, { server: 'nchan' })
}
