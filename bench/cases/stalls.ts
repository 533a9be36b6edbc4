import type { Held } from '../audience.js'
import type { Case, Result, Row } from '../case.js'
import { inTurn, lostText, medianRow } from '../comparison.js'
import { narrowBuffers } from '../network.js'
import { installed } from '../products.js'
import { ours } from '../servers/ours.js'
import type { Stage } from '../stage.js'
import { figureOf, type Target, targetLines } from '../target.js'
import { boundText, tryOut } from '../trial.js'

/**
 * Measures what subscribers that read nothing, or too little, do to the others and to the server's memory: 100 of 1,000, for
 * as long as is published. Then they read again, and must have everything.
 *
 * What would fool it:
 * - The kernel's buffers, which take megabytes for each connection before a server notices. In a network of its own the bench
 *   has them narrow, at both ends.
 * - Latencies of the slow ones, which say nothing: they are kept apart.
 * - A server that closes connections that are slow: what did not come is counted.
 */
export const stalls: Case = {
  name: 'stalls',
  summary: '1,000 subscribers of whom 100 stall or are slow: latency of the others, and memory',
  run,
}

const TRIAL = { subscribers: 1_000, perSecond: 200, seconds: 6 }
const BUFFER_BYTES = 64 * 1024
const NONE = 'none'
const kinds: readonly { readonly name: string; readonly held?: Held }[] = [
  { name: NONE },
  { name: '100 stalled', held: { count: 100, bytes: 0, everyMs: 0 } },
  // A fifth of what comes.
  { name: '100 slow', held: { count: 100, bytes: 4 * 1024, everyMs: 400 } },
]

async function run(stage: Stage): Promise<Result> {
  const products = (await installed()).present.filter(({ resumes }) => resumes)
  const restore = narrowBuffers(BUFFER_BYTES)
  if (restore === undefined) stage.say("the kernel's buffers are as they are: this is not a network of its own")
  else stage.onEnd(restore)
  const measured: Row[] = []
  for (const { name, held } of kinds) {
    const trial = { ...TRIAL, ...(held && { held }) }
    const some = await inTurn(stage, products, async (product) => (await tryOut(stage, product, trial)).row)
    measured.push(...some.map((row) => ({ ...row, slow: name })))
  }
  restore?.()
  const found = products.flatMap((product) =>
    kinds.flatMap(({ name }) => {
      const row = medianRow(measured.filter(({ server, slow }) => server === product.name && slow === name))
      return row === undefined ? [] : [row]
    }),
  )
  const rows = found.map((row): Row => {
    const of = (key: string, where: Row) => Number(row[key]) / figureOf(found, key, where)
    const isOurs = row.server === ours.name
    return {
      ...row,
      ofNone: row.slow === NONE ? '' : of('p99', { server: row.server ?? '', slow: NONE }),
      ofNchan: isOurs ? of('growthMebibytes', { server: 'nchan', slow: row.slow ?? '' }) || '' : '',
      clients: boundText(Number(row.clientCores)),
      lostText: lostText(row),
    }
  })
  return {
    measured,
    rows,
    columns: [
      { key: 'server', heading: 'server' },
      { key: 'slow', heading: 'slow ones' },
      { key: 'p50', heading: "others' p50, ms" },
      { key: 'p99', heading: "others' p99, ms" },
      { key: 'ofNone', heading: 'of that with none' },
      { key: 'growthMebibytes', heading: 'memory grown, MiB' },
      { key: 'ofNchan', heading: 'of nchan' },
      { key: 'deliveriesPerCpuSecond', heading: 'deliveries a CPU second' },
      { key: 'clients', heading: 'cores taken by the clients' },
      { key: 'lostText', heading: 'lost' },
    ],
    notes: [
      ...targetLines(targets, rows),
      `Subscribers of Switchboard had every event once and in order, the slow ones too. The kernel's buffers are ${restore ? '64 KiB' : 'as wide as they are'} here.`,
    ],
  }
}

const targets: readonly Target[] = [
  ...kinds.slice(1).map(
    ({ name }): Target => ({
      what: `others' p99 with ${name}`,
      most: 1.3,
      unit: '× that with none',
      value: (rows) => figureOf(rows, 'ofNone', { server: ours.name, slow: name }),
    }),
  ),
  ...kinds.slice(1).map(
    ({ name }): Target => ({
      what: `memory grown with ${name}, beyond that with none`,
      most: 10,
      unit: 'MiB',
      value: (rows) =>
        figureOf(rows, 'growthMebibytes', { server: ours.name, slow: name }) -
        figureOf(rows, 'growthMebibytes', { server: ours.name, slow: NONE }),
    }),
  ),
]
