import { type JetStreamClient, jetstream, StorageType } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { onTestFinished } from 'vitest'
import type { NatsNode } from './node.js'

const PUBLISH_MS = 2000

export const STREAM = 'NUMBERS'

/** A client of some nodes that publishes numbers and reads them. It ends with the test. */
export class NumbersClient {
  private readonly js: JetStreamClient

  private constructor(private readonly connection: NatsConnection) {
    this.js = jetstream(connection, { timeout: PUBLISH_MS })
  }

  static async connect(nodes: readonly NatsNode[]): Promise<NumbersClient> {
    const servers = nodes.map(({ url }) => url)
    const connection = await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
    onTestFinished(() => connection.close())
    return new NumbersClient(connection)
  }

  async makeStream(replicas: number): Promise<void> {
    const { streams } = await this.js.jetstreamManager()
    const storage = StorageType.File
    await streams.add({ name: STREAM, subjects: ['numbers'], storage, num_replicas: replicas })
  }

  /** Resolves when it is acknowledged. */
  async publish(n: number): Promise<void> {
    // Sent twice, it is stored once.
    await this.js.publish('numbers', String(n), { msgID: String(n), timeout: PUBLISH_MS })
  }

  /** As `publish`, again and again while nobody takes it. */
  publishStubbornly(n: number): Promise<void> {
    return this.stubbornly(() => this.publish(n))
  }

  /** All numbers that the stream holds, in its order. */
  async stored(): Promise<readonly number[]> {
    // From its leader. A consumer may live at a node that is behind, and believe that it has seen all. A node that is back
    // may call one more election, in which nobody answers.
    const { state } = await this.stubbornly(async () => (await this.js.jetstreamManager()).streams.info(STREAM))
    const numbers: number[] = []
    if (state.messages === 0) return numbers
    const consumer = await this.js.consumers.get(STREAM)
    for await (const message of await consumer.consume()) {
      numbers.push(Number(message.string()))
      if (message.seq === state.last_seq) break
    }
    return numbers
  }

  /** The answer, asked for again and again while there is none. */
  private async stubbornly<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (this.connection.isClosed()) throw error
      }
    }
  }
}
