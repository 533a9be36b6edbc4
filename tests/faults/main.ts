/**
 * `npm run faults`: publishers and subscribers at work in two workspaces while something goes wrong, and then everything that
 * anybody saw is held against the log. Ends with status 1 when anything was lost, doubled, reordered, crossed or altered.
 */

import { writeFileSync } from 'node:fs'
import { runInOwnNetwork } from '../../bench/network.js'
import { violationKinds } from './checker.js'
import { End } from './end.js'
import { faults } from './faults.js'
import { readOptions, USAGE } from './options.js'
import { type Result, runFault } from './run.js'

const names = faults.map(({ name }) => name)

try {
  await main()
} catch (error) {
  console.error(`error: ${(error as Error).message}`)
  process.exitCode = 1
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), names)
  if (options.help) {
    console.log(`${USAGE}\n\n${faults.map(({ name, summary }) => `  ${name.padEnd(9)}${summary}`).join('\n')}`)
    return
  }
  // Of a user who is not root it could be one, too, but what is mounted there could not.
  const status = process.getuid?.() === 0 ? await runInOwnNetwork(process.argv.slice(1)) : undefined
  if (status !== undefined) {
    process.exitCode = status
    return
  }
  const { only, seed, rounds, isFull, report } = options
  console.log(`seed ${seed}`)
  const end = new End()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      console.error(`${signal}: what was started is taken away`)
      void end.all().then(() => process.exit(1))
    })
  }
  const results: Result[] = []
  for (const fault of faults.filter(({ name }) => only.length === 0 || only.includes(name))) {
    const say = (line: string) => console.log(`  ${fault.name}: ${line}`)
    const result = await runFault(fault, { seed, rounds, scale: isFull ? 'full' : 'usual', say, end })
    results.push(result)
    tell(result)
    // After each, so that a run that is ended has said what it had.
    if (report !== undefined) writeFileSync(report, `${JSON.stringify({ seed, results }, undefined, 2)}\n`)
  }
  console.log(`\n${table(results)}`)
  const hasViolations = results.some((result) => result.kind === 'ran' && result.outcome.violations.length > 0)
  if (hasViolations) process.exitCode = 1
}

function tell(result: Result): void {
  if (result.kind === 'left out') {
    console.log(`${result.name}: left out, it ${result.why}`)
    return
  }
  const { name, outcome, seconds, command } = result
  const figures = Object.entries(outcome.figures).map(([what, value]) => `${what}: ${value}`)
  console.log(`${name}: ${Math.round(seconds)} s; ${figures.join('; ')}`)
  for (const { kind, where, detail, count } of outcome.violations) {
    console.log(`  VIOLATION ${kind} (${violationKinds[kind]}), ${count} times, ${where}: ${detail}`)
  }
  if (outcome.violations.length > 0) console.log(`  again: ${command}`)
}

function table(results: readonly Result[]): string {
  const rows = results.map((result) => {
    if (result.kind === 'left out') return [result.name, 'left out']
    const { acked, unknown, stored, delivered, violations } = result.outcome
    const count = violations.reduce((sum, violation) => sum + violation.count, 0)
    return [
      result.name,
      ...[result.rounds, acked, unknown, stored, delivered, count].map((n) => n.toLocaleString('en-US')),
    ]
  })
  const all = [['fault', 'rounds', 'acked', 'unknown', 'stored', 'delivered', 'violations'], ...rows]
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
