/**
 * `npm run bench`: how fast it is, and what it costs, measured with real processes. It gates nothing: figures are looked at by
 * people, on a machine that is named beside them.
 */

import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Bar, Case } from './case.js'
import { catchUp } from './cases/catch-up.js'
import { failover } from './cases/failover.js'
import { channels, crowd, fanOut, fanOutFlat, fanOutSlow, observers, single } from './cases/fan-out.js'
import { gateway } from './cases/gateway.js'
import { growth } from './cases/growth.js'
import { idle } from './cases/idle.js'
import { ingest } from './cases/ingest.js'
import { latency } from './cases/latency.js'
import { publish } from './cases/publish.js'
import { stalls } from './cases/stalls.js'
import { storm } from './cases/storm.js'
import { subjects } from './cases/subjects.js'
import { views } from './cases/views.js'
import { chartText } from './chart.js'
import { lookAtMachine, type Machine, machineLine } from './machine.js'
import { ownsNetwork, runInOwnNetwork, suitsNetwork } from './network.js'
import { type Options, readOptions, USAGE } from './options.js'
import { installed } from './products.js'
import { textTable, writeTable } from './report.js'
import { Stage } from './stage.js'

const cases: readonly Case[] = [
  fanOut,
  fanOutSlow,
  fanOutFlat,
  crowd,
  single,
  channels,
  observers,
  ingest,
  idle,
  views,
  storm,
  stalls,
  growth,
  latency,
  publish,
  catchUp,
  failover,
  gateway,
  subjects,
]
const names = cases.map(({ name }) => name)
const NAME_CHARS = Math.max(...names.map(({ length }) => length))
/** As shells have it: 128 and the number of SIGINT. */
const ENDED_BY_SIGNAL = 130
const DOCUMENT = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
const CHART = fileURLToPath(new URL('../docs/images/deliveries.svg', import.meta.url))
const CHART_TITLE = 'Deliveries for a second of processor time (each group has its own scale)'

try {
  await main(readOptions(process.argv.slice(2), names))
} catch (error) {
  console.error(`error: ${(error as Error).message}`)
  process.exitCode = 1
}

async function main(options: Options): Promise<void> {
  if (options.help) {
    console.log(USAGE)
    return
  }
  if (options.list) {
    for (const { name, summary } of cases) console.log(`${name.padEnd(NAME_CHARS)} ${summary}`)
    return
  }
  const status = !ownsNetwork && suitsNetwork() ? undefined : await runInOwnNetwork(process.argv.slice(1))
  if (status !== undefined) {
    process.exitCode = status
    return
  }
  const machine = await lookAtMachine(options.dir)
  for (const line of (await installed()).missing) console.error(line)
  if (options.json) console.log(JSON.stringify({ machine }))
  else console.log(machineLine(machine))
  const chosen = cases.filter(({ name }) => options.cases.length === 0 || options.cases.includes(name))
  const bars: Bar[] = []
  for (const one of chosen) bars.push(...(await run(one, options, machine)))
  // A chart of some would take the place of one of all.
  const isWhole = cases.every((one) => !one.isCharted || chosen.includes(one))
  if (options.write && isWhole) writeFileSync(CHART, chartText(CHART_TITLE, bars))
}

/** @returns What it adds to the chart. */
async function run(one: Case, options: Options, machine: Machine): Promise<readonly Bar[]> {
  const stage = new Stage({ ...options, say: (line) => console.error(`  ${one.name}: ${line}`) })
  const endWith = () => void stage.end().finally(() => process.exit(ENDED_BY_SIGNAL))
  process.once('SIGINT', endWith).once('SIGTERM', endWith)
  try {
    const result = await one.run(stage)
    if (options.json) for (const row of result.measured) console.log(JSON.stringify({ case: one.name, ...row }))
    else console.log(`\n${one.name}: ${one.summary}\n\n${textTable(result)}\n\n${result.notes.join('\n')}`)
    if (options.write) writeTable(DOCUMENT, one, result, machine)
    return result.bars ?? []
  } finally {
    process.off('SIGINT', endWith).off('SIGTERM', endWith)
    await stage.end()
  }
}
