import type { JetStreamAccountStats, JetStreamUsageAccountLimits } from '@nats-io/jetstream'
import { type Finding, ok, warn } from '@switchboard/contract/core'
import type { Monitored } from './monitor.js'

/** From here on a limit is worth a word: there is time to raise it. */
const NEAR = 0.8
const MiB = 1024 * 1024

/** What an account may use, and what of it would soon stop publishing. */
export function accountFindings(account: JetStreamAccountStats): readonly Finding[] {
  const name = 'NATS account'
  const tiers: [string, JetStreamUsageAccountLimits][] = Object.entries(account.tiers ?? {}).flatMap(
    ([tier, limits]) => (limits ? [[` of ${tier}`, limits]] : []),
  )
  const advice = 'Raise the limits of the account, or keep events for a shorter time.'
  const findings = (tiers.length > 0 ? tiers : [['', account] as const]).flatMap(([tier, { limits, ...used }]) => {
    const storage = near(`file storage${tier}`, used.storage, limits.max_storage, MiB)
    const consumers = near(`consumers${tier}`, used.consumers, limits.max_consumers)
    return [
      ...(storage === undefined ? [] : [warn(name, `${storage}; at the limit nothing more is stored`, advice)]),
      ...(consumers === undefined
        ? []
        : [warn(name, `${consumers}; at the limit no more gateways can follow`, advice)]),
    ]
  })
  return findings.length > 0 ? findings : [ok(name, 'no limit is near')]
}

/** Servers whose disks, as far as they may use them, are nearly full. */
export function storageFindings(monitored: readonly Monitored[]): readonly Finding[] {
  return monitored.flatMap(({ name, jetstream }) => {
    const detail = jetstream && near('storage', jetstream.storage.used, jetstream.storage.max, MiB)
    const advice = 'Give it more (max_file_store), or keep events for a shorter time.'
    return detail === undefined ? [] : [warn('NATS storage', `${name}: ${detail}`, advice)]
  })
}

export function payloadFinding(bytes: number): Finding {
  const size = `max_payload is ${Math.round(bytes / 1024)} KiB`
  return ok('NATS message size', bytes < MiB ? `${size}, below 1 MiB: large batches go in more parts` : size)
}

/** How much of a limit is used, once it is near. */
function near(what: string, used: number, limit: number, unit?: number): string | undefined {
  // Zero and -1 stand for no limit.
  if (limit <= 0 || used < limit * NEAR) return undefined
  const shown = (value: number) => (unit === undefined ? `${value}` : `${Math.round(value / unit)} MiB`)
  return `${shown(used)} of ${shown(limit)} ${what} used`
}
