/**
 * Appends to a log as fast as it can, until it is killed or refused. Run by crash and power-cut tests in a process of
 * its own: writer.ts FOLDER FIRST
 *
 * Event `n` (from FIRST on) carries its number and the idempotency key `n`. Each line on standard output is written at
 * once and whole, so that what was said before a kill is heard:
 *
 *     open                    the log is open
 *     ack <n> <sequence>      event n is durable
 *     refused <code> <writable>
 */
import { writeSync } from 'node:fs'
import { SwitchboardError } from '@switchboard/contract'
import { systemClock } from '../src/clock.js'
import { openLmdbEngine } from '../src/log/lmdb.js'
import { callsProjection } from './calls-projection.js'
import { CHANNELS, numbered } from './writer-events.js'

const PRODUCERS = 16
const [dir = '', first = '0'] = process.argv.slice(2)
const { log } = await openLmdbEngine({ dir, clock: systemClock, projections: [callsProjection] })
writeSync(1, 'open\n')

let next = Number(first)
async function produce(): Promise<void> {
  for (;;) {
    const n = next++
    const channel = CHANNELS[n % CHANNELS.length] as (typeof CHANNELS)[number]
    const { positions } = await log.append(channel, [numbered(n)])
    writeSync(1, `ack ${n} ${positions[0]?.sequence}\n`)
  }
}

const results = await Promise.allSettled(Array.from({ length: PRODUCERS }, produce))
for (const result of results) {
  if (result.status === 'fulfilled') continue
  const code = result.reason instanceof SwitchboardError ? result.reason.code : String(result.reason)
  writeSync(1, `refused ${code} ${log.health().writable}\n`)
}
// Stays until it is killed: a process that outlives its disk is part of what is tested.
setInterval(() => {}, 1000)
