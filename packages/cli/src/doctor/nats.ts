import type { Finding } from '@switchboard/contract/core'
import { configOf, type SettingFlags } from '../parse/setting-options.js'

/** Settings of a gateway that say where its NATS servers are and how they should be. */
export const NATS_SETTINGS = [
  'natsUrl',
  'natsMonitor',
  'natsCredentials',
  'natsCa',
  'natsReplicas',
  'natsPartitions',
  'retentionMs',
] as const

/**
 * The NATS servers of the gateways, when they are named here: by the options, or by the variables that a gateway has.
 * @throws ConfigError for a setting that cannot be.
 */
export async function natsFindings(
  flags: SettingFlags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly Finding[]> {
  if (flags.natsUrl === undefined && !env.SWITCHBOARD_NATS_URL) return []
  const { inspectGateway } = await import('@switchboard/server')
  return inspectGateway(await configOf(NATS_SETTINGS, flags, env))
}
