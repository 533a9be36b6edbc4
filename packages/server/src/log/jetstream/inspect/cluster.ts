import type { StreamInfo } from '@nats-io/jetstream'
import { type Finding, fail, ok, warn } from '@switchboard/contract/core'
import type { Monitored } from './monitor.js'
import type { SeenServer } from './versions.js'

const NAME = 'NATS servers'
/** With fewer, the loss of one stops everything. */
const SERVERS_MIN = 3
/** A replica that misses more operations than this is not worth much if the leader dies now. */
const LAG_MAX = 1_000
const NANOS_PER_MS = 1_000_000

/** A server that is named somewhere and does not answer. */
export interface AbsentServer {
  readonly address: string
  readonly why: string
}

/** Which servers there are, and which of them answer. */
export function serverFindings(
  seen: readonly SeenServer[],
  absent: readonly AbsentServer[],
  monitored: readonly Monitored[],
): readonly Finding[] {
  const metas = monitored.flatMap(({ jetstream }) => (jetstream?.meta ? [jetstream.meta] : []))
  const size = Math.max(seen.length, ...metas.map((meta) => meta.size))
  const names = seen.map(({ name }) => name).join(', ')
  const findings = [sizeFinding(size, names)]
  for (const { address, why } of absent) {
    const advice =
      'Start it, or take it out of SWITCHBOARD_NATS_URL. One that others name and we cannot reach is of no use when ours is lost.'
    findings.push(warn(NAME, `${address} does not answer: ${why}`, advice))
  }
  const offline = [...new Set(metas.flatMap((meta) => meta.offline))]
  for (const name of offline) {
    findings.push(
      warn(
        NAME,
        `${name} is offline, say the others`,
        'Start it; one that is gone for good: nats server cluster peer-remove.',
      ),
    )
  }
  if (metas.length > 0 && metas.every(({ leader }) => leader === undefined)) {
    findings.push(
      fail(NAME, 'JetStream has no leader', `More than half of the ${size} servers must run and see one another.`),
    )
  }
  return findings
}

function sizeFinding(size: number, names: string): Finding {
  if (size === 1)
    return warn(NAME, `one: ${names}: when it is gone, all of it is`, 'For more than trying, run three as a cluster.')
  const detail = `${size}: ${names}`
  if (size < SERVERS_MIN) return warn(NAME, `${detail}: the loss of one stops all`, 'Run three.')
  if (size % 2 === 0) return warn(NAME, `${detail}: no more may be lost than with ${size - 1}`, 'Run an odd number.')
  return ok(NAME, detail)
}

/** How a stream stands: its copies and its leader, and what would stop it from taking more. */
export function streamFindings({ config, state, cluster }: StreamInfo): readonly Finding[] {
  const name = `stream ${config.name}`
  const findings: Finding[] = []
  const full = fullness(config.max_bytes, state.bytes) ?? fullness(config.max_msgs, state.messages)
  if (full !== undefined) {
    findings.push(
      warn(
        name,
        `it has a limit of its own, and is ${full}% full: publishing stops at 100%`,
        `nats stream edit ${config.name} --max-bytes=-1 --max-msgs=-1`,
      ),
    )
  }
  const peers = cluster?.replicas ?? []
  for (const { name: peer, offline, current, lag, active } of peers) {
    if (offline) findings.push(warn(name, `its copy at ${peer} is offline`, `Start ${peer}.`))
    else if (!current || lag > LAG_MAX) {
      const ago = Math.round(active / NANOS_PER_MS)
      const detail = `its copy at ${peer} is behind (${lag ?? 0} operations, heard of ${ago} ms ago)`
      findings.push(warn(name, detail, 'It catches up by itself; if it does not, look at its disk and network.'))
    }
  }
  if (cluster !== undefined && config.num_replicas > 1 && !cluster.leader) {
    findings.push(fail(name, 'it has no leader: nothing can be published', 'More than half of its copies must run.'))
  }
  if (findings.length > 0) return findings
  const copies =
    config.num_replicas === 1 ? '1 copy' : `${config.num_replicas} copies, all current, led by ${cluster?.leader}`
  return [ok(name, `${copies}, ${state.messages} messages`)]
}

/** Per cent of a limit, or undefined where there is none. */
function fullness(limit: number | undefined, used: number): number | undefined {
  return limit === undefined || limit <= 0 ? undefined : Math.floor((used / limit) * 100)
}
