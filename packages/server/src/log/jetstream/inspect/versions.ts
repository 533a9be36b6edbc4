import { type Finding, ok, warn } from '@switchboard/contract/core'
import { BATCH_GET_VERSION, isAtLeast, SYNC_SETTING_VERSION } from '../../../nats/version.js'

/** One server, as far as it was seen. */
export interface SeenServer {
  readonly id: string
  readonly name: string
  readonly version: string
}

/** What production is advised to run. */
export const ADVISED_VERSION = '2.12'
/** From here on killed processes lose nothing: 2.10.20 to 2.10.22 could lose a whole stream. */
const KILL_PROOF_VERSION = '2.10.23'
const KILL_LOSS_VERSION = '2.10.20'

const NAME = 'NATS version'

/** A line for each version that runs. */
export function versionFindings(servers: readonly SeenServer[]): readonly Finding[] {
  const versions = new Map<string, string[]>()
  for (const { name, version } of servers) versions.set(version, [...(versions.get(version) ?? []), name])
  const findings = [...versions].map(([version, names]) => judge(version, names.join(', ')))
  if (versions.size > 1) {
    const advice = 'Finish the upgrade: what the oldest cannot do is not used.'
    findings.push(warn(NAME, `the servers run ${versions.size} versions: ${[...versions.keys()].join(', ')}`, advice))
  }
  return findings
}

function judge(version: string, names: string): Finding {
  const what = `${version} (${names})`
  const advice = `Upgrade to ${ADVISED_VERSION} or newer, one server at a time.`
  if (isAtLeast(version, ADVISED_VERSION)) return ok(NAME, what)
  if (isAtLeast(version, KILL_PROOF_VERSION))
    return warn(NAME, `${what} is below the advised ${ADVISED_VERSION}`, advice)
  if (isAtLeast(version, KILL_LOSS_VERSION)) {
    return warn(NAME, `${what} can lose a whole stream when its processes are killed`, advice)
  }
  if (isAtLeast(version, SYNC_SETTING_VERSION)) {
    return warn(NAME, `${what} is below ${KILL_PROOF_VERSION}, before which kills could lose a whole stream`, advice)
  }
  return warn(
    NAME,
    `${what} is below the advised ${ADVISED_VERSION}, and has no setting to sync before it acknowledges`,
    advice,
  )
}

/** What the oldest server can do, and what of it is used. */
export function featureFinding(servers: readonly SeenServer[]): Finding {
  const has = (least: string) => servers.every(({ version }) => isAtLeast(version, least))
  const features = [
    has(BATCH_GET_VERSION)
      ? 'batches of direct gets (used to catch up)'
      : `no batches of direct gets before ${BATCH_GET_VERSION}: catching up without a consumer takes longer`,
    `several filters ${has('2.10') ? 'there' : 'from 2.10 on'} and atomic batches ${has('2.12') ? 'there' : 'from 2.12 on'} (neither is needed)`,
  ]
  return ok('NATS features', features.join('; '))
}
