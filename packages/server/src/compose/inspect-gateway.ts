import type { Finding } from '@switchboard/contract/core'
import { type Clock, systemClock } from '../clock.js'
import type { Config } from '../ops/config.js'

/** What a gateway with this configuration should know of its NATS servers; nothing when it has none. */
export async function inspectGateway(config: Config, clock: Clock = systemClock): Promise<readonly Finding[]> {
  const { natsUrl: servers, natsCredentials: credentials, natsCa: ca, retentionMs } = config
  if (servers === undefined) return []
  // Loaded when there is something to look at: whoever starts a server does not wait for it.
  const { inspectNats } = await import('../log/jetstream/inspect.js')
  return inspectNats(
    { servers, credentials, ca },
    {
      clock,
      partitions: config.natsPartitions,
      replicas: config.natsReplicas,
      retentionMs,
      monitors: config.natsMonitor,
    },
  )
}
