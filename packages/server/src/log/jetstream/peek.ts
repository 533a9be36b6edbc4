import { jetstreamManager } from '@nats-io/jetstream'
import type { Clock } from '../../clock.js'
import { throwLater } from '../followers.js'
import type { Store } from '../log.js'
import { BUCKET_STREAM } from './bucket.js'
import { connectNats, type NatsAddress } from './connection.js'
import { openKvStore } from './store.js'
import { storedStream } from './streams.js'

const CONNECT_MS_MAX = 5_000
const REQUEST_MS_MAX = 2_000

/**
 * Shows a deployment's records to `look`, without making anything there. Undefined where there is no deployment yet.
 * @throws SwitchboardError `unavailable` when the servers do not answer.
 */
export async function peekStore<T>(
  address: NatsAddress,
  clock: Clock,
  look: (store: Store) => Promise<T>,
): Promise<T | undefined> {
  const connection = await connectNats(address, clock, { patienceMs: CONNECT_MS_MAX })
  try {
    const jsm = await jetstreamManager(connection, { timeout: REQUEST_MS_MAX })
    if ((await storedStream(jsm, BUCKET_STREAM)) === undefined) return undefined
    const store = await openKvStore(connection, { clock, replicas: 1, onListenerError: throwLater })
    try {
      return await look(store)
    } finally {
      await store.close()
    }
  } finally {
    await connection.close()
  }
}
