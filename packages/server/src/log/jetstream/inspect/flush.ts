import { type Finding, fail, ok, warn } from '@switchboard/contract/core'
import { isAtLeast, SYNC_SETTING_VERSION } from '../../../nats/version.js'
import type { Monitored, Unmonitored } from './monitor.js'
import type { Synchronous } from './store-folder.js'
import type { SeenServer } from './versions.js'

const NAME = 'NATS flush'
/** Servers that have no setting sync on a timer of 2 minutes. */
const OLD_INTERVAL_MS = 120_000

const IN_CONFIGURATION = 'jetstream { sync_interval: always } in its configuration'
const IN_FOLDER =
  'stop it, chattr +S +D an empty store folder before the first start (or upgrade, and set sync_interval: always)'

/** A monitored server with what is known of its store folder. */
export interface Flushing {
  readonly server: Monitored
  readonly folder: Synchronous
}

/**
 * Whether servers sync before they acknowledge, as far as it can be seen. JetStream does not by default: replicas protect
 * from the loss of single servers, and not from that of the power of all.
 */
export function flushFindings(
  seen: readonly SeenServer[],
  monitored: readonly Flushing[],
  silent: readonly Unmonitored[],
): readonly Finding[] {
  const findings = monitored.flatMap(({ server, folder }) => (server.jetstream ? [judge(server, folder)] : []))
  for (const { address, why } of silent) {
    findings.push(
      warn('NATS monitoring', `${address}: ${why}`, 'Set SWITCHBOARD_NATS_MONITOR to the http ports of the servers.'),
    )
  }
  const unseen = seen.filter(({ id }) => !monitored.some(({ server }) => server.id === id))
  if (unseen.length > 0) findings.push(unknown(unseen))
  return findings
}

function judge(server: Monitored, folder: Synchronous): Finding {
  const { name, version, jetstream } = server
  // A damaged disk is another matter: even so, bit flips on one node have cost acknowledged messages (Jepsen, 2.12.1).
  const proven = 'acknowledges what is on its disk. Use disks, or file systems, with checksums'
  if (jetstream?.syncAlways) return ok(NAME, `${name}: sync_interval is always: it ${proven}`)
  if (folder?.is) return ok(NAME, `${name}: ${folder.why}: it ${proven}`)
  const hasSetting = isAtLeast(version, SYNC_SETTING_VERSION)
  if (!hasSetting && folder === undefined) {
    const detail = `${name}: ${version} has no setting to sync before it acknowledges, and its store folder cannot be seen from here`
    return warn(NAME, detail, `When lsattr -d shows S and D on that folder all is well. If not: ${IN_FOLDER}.`)
  }
  const interval = Math.round((jetstream?.syncIntervalMs ?? OLD_INTERVAL_MS) / 1000)
  const because = folder && !hasSetting ? ` (${folder.why})` : ''
  return fail(
    NAME,
    `${name}: JetStream acknowledges before it syncs: a power cut of all nodes loses what was acknowledged in the last ${interval} s, or a stream that is younger than that${because}`,
    hasSetting ? `${IN_CONFIGURATION}.` : `${upper(IN_FOLDER)}.`,
  )
}

function unknown(servers: readonly SeenServer[]): Finding {
  const names = servers.map(({ name }) => name).join(', ')
  const hasSetting = servers.every(({ version }) => isAtLeast(version, SYNC_SETTING_VERSION))
  return warn(
    NAME,
    `whether ${names} ${servers.length === 1 ? 'syncs' : 'sync'} before acknowledging cannot be seen from here`,
    `To make it so: ${hasSetting ? IN_CONFIGURATION : IN_FOLDER}. To let it be seen: http: 8222 there, and SWITCHBOARD_NATS_MONITOR=http://HOST:8222 here.`,
  )
}

function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
