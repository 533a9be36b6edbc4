import { AckPolicy, type JetStreamManager } from '@nats-io/jetstream'
import { type Finding, ok, warn } from '@switchboard/contract/core'
import type { Monitored } from './monitor.js'

/** Tokens last minutes, and positions carry the servers' time: a few seconds do no harm. */
const SKEW_MS_MAX = 5_000
const CONSUMER_NANOS = 1_000_000_000

/** A server's clock, and ours at the same moment; unix ms. */
export interface ClockReading {
  readonly server: string
  readonly theirs: number
  readonly ours: number
}

export function clockFindings(readings: readonly ClockReading[]): readonly Finding[] {
  const name = 'NATS clocks'
  const apart = readings.filter(({ theirs, ours }) => Math.abs(theirs - ours) > SKEW_MS_MAX)
  const advice = 'Turn on time synchronisation (timedatectl set-ntp true) on both.'
  if (apart.length === 0) return readings.length === 0 ? [] : [ok(name, 'this machine and the servers agree')]
  return apart.map(({ server, theirs, ours }) => {
    const seconds = Math.round(Math.abs(theirs - ours) / 1000)
    return warn(name, `the clock of ${server} is ${seconds} s ${theirs > ours ? 'ahead' : 'behind'}`, advice)
  })
}

export function monitoredClocks(monitored: readonly Monitored[]): readonly ClockReading[] {
  return monitored
    .filter(({ now }) => !Number.isNaN(now))
    .map(({ name, now, askedAt }) => ({ server: name, theirs: now, ours: askedAt }))
}

/** Without monitoring: a consumer that is made now says when that was, and is taken away again. */
export async function clockOfStream(
  jsm: JetStreamManager,
  stream: string,
  now: () => number,
): Promise<readonly ClockReading[]> {
  const asked = now()
  const { name, created } = await jsm.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    mem_storage: true,
    inactive_threshold: CONSUMER_NANOS,
  })
  const ours = (asked + now()) / 2
  await jsm.consumers.delete(stream, name)
  return [{ server: 'the servers', theirs: Date.parse(created), ours }]
}
