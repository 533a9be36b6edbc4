import { type Case, type Result, type Row, shown } from '../case.js'
import { medianRow } from '../comparison.js'
import { SOURCES, sourceName, surfaceDelivered, syncCompleted } from '../events.js'
import { type OurNeeds, ours, type Query } from '../servers/ours.js'
import type { Needs } from '../servers/server.js'
import type { Stage } from '../stage.js'
import { figureOf, type Target, targetLines } from '../target.js'
import { boundText, laneOf, type Trial, tryOut } from '../trial.js'

/**
 * Measures what it costs that subscribers do not all see the same: ten different filters, each of which lets nine events of
 * ten through, against none; and personal data that is masked, against the same events as they are.
 *
 * What would fool it:
 * - Filters that let little through: what is not delivered costs little, and a delivery seems dear.
 * - Filters that are the same, or mean the same: whatever is kept for a filter is kept once.
 * - Events without anything to mask. These have two such fields.
 */
export const views: Case = {
  name: 'views',
  summary: '1,000 subscribers with ten different filters, and with personal data masked',
  run,
}

const TRIAL = { subscribers: 1_000, perSecond: 200, seconds: 3 }
/** All sources but one, each its own. */
const QUERIES: readonly Query[] = Array.from({ length: SOURCES }, (_, left) => {
  const seen = Array.from({ length: SOURCES }, (_, source) => source).filter((source) => source !== left)
  return {
    text: seen.map((source) => `data_source_id=${sourceName(source)}`).join('&'),
    lanes: seen.map((source) => laneOf(source, SOURCES)),
  }
})

interface Variant {
  readonly name: string
  /** What it is compared with. */
  readonly than?: string
  readonly trial: Trial
}

const UNFILTERED = 'no filter'
const FILTERED = 'ten filters'
const UNMASKED = 'personal data, seen'
const MASKED = 'personal data, masked'

function starting(more: Partial<OurNeeds>): NonNullable<Trial['start']> {
  return (stage: Stage, needs: Needs) => ours.start(stage, { ...needs, ...more })
}

const variants: readonly Variant[] = [
  {
    name: UNFILTERED,
    trial: { ...TRIAL, event: syncCompleted, lanes: SOURCES, start: starting({ sources: SOURCES }) },
  },
  {
    name: FILTERED,
    than: UNFILTERED,
    trial: { ...TRIAL, event: syncCompleted, lanes: SOURCES, start: starting({ sources: SOURCES, queries: QUERIES }) },
  },
  { name: UNMASKED, trial: { ...TRIAL, event: surfaceDelivered, start: starting({}) } },
  { name: MASKED, than: UNMASKED, trial: { ...TRIAL, event: surfaceDelivered, start: starting({ isMasked: true }) } },
]

const targets: readonly Target[] = [
  {
    what: 'cost of a delivery with filters',
    most: 1.5,
    unit: '× that without',
    value: (rows) => costOf(rows, FILTERED),
  },
  {
    what: 'cost of a masked delivery',
    most: 1.2,
    unit: '× that of one as it is',
    value: (rows) => costOf(rows, MASKED),
  },
]

function costOf(rows: readonly Row[], view: string): number {
  return figureOf(rows, 'cost', { view })
}

async function run(stage: Stage): Promise<Result> {
  const measured: Row[] = []
  for (let round = 1; round <= stage.rounds; round++) {
    for (const { name, trial } of variants) {
      stage.say(`round ${round}: ${name}`)
      measured.push({ round, view: name, ...(await tryOut(stage, ours, trial)).row })
    }
  }
  const found = variants.flatMap(({ name }) => {
    const row = medianRow(measured.filter(({ view }) => view === name))
    return row === undefined ? [] : [row]
  })
  const perCpuSecond = (view: string) => figureOf(found, 'deliveriesPerCpuSecond', { view })
  const rows = found.map((row): Row => {
    const { name, than } = variants.find((variant) => variant.name === row.view) ?? { name: '' }
    const cost = than === undefined ? '' : perCpuSecond(than) / perCpuSecond(name)
    return { ...row, cost, clients: boundText(Number(row.clientCores)) }
  })
  return {
    measured,
    rows,
    columns: [
      { key: 'view', heading: 'view' },
      { key: 'deliveriesPerCpuSecond', heading: 'deliveries a CPU second' },
      { key: 'cost', heading: 'cost of a delivery, of the row above' },
      { key: 'deliveriesPerSecond', heading: 'deliveries/s by the clock' },
      { key: 'p50', heading: 'p50, ms' },
      { key: 'p99', heading: 'p99, ms' },
      { key: 'clients', heading: 'cores taken by the clients' },
    ],
    notes: [
      ...targetLines(targets, rows),
      `Every subscriber had every event that its filter lets through, once and in order, and no other: ${shown(TRIAL.perSecond)} events a second.`,
    ],
  }
}
