import { agreedLeader, type StreamView } from '../src/nats/monitor.js'
import type { NatsNode } from '../src/nats/node.js'
import { pollUntil } from '../src/nats/poll.js'

/** After a leader's loss the others notice within 10 s and elect another. */
const LEADER_MS_MAX = 45_000

/** A stream as one node sees it; undefined when it does not, or does not answer. */
export async function streamAt(node: NatsNode, stream: string): Promise<StreamView | undefined> {
  return (await node.jetStream())?.streams.find(({ name }) => name === stream)
}

/**
 * The node that leads a stream, when all who have a copy say the same. A node that was cut off goes on believing in itself
 * for a while: leave it out.
 * @param nodes Those to ask.
 */
export function leaderOf(nodes: readonly NatsNode[], stream: string): Promise<NatsNode> {
  return pollUntil(`a leader of ${stream}`, LEADER_MS_MAX, async () => {
    const running = nodes.filter(({ isRunning }) => isRunning)
    const views = await Promise.all(running.map((node) => streamAt(node, stream)))
    const name = agreedLeader(views.filter((view) => view !== undefined))
    const leader = running.find((node) => node.name === name)
    return leader === undefined ? { missing: 'the nodes do not agree' } : { answer: leader }
  })
}

/** Resolves when each of these nodes has so many messages in its own copy of a stream. `ready` does not wait for that. */
export async function haveCopies(nodes: readonly NatsNode[], stream: string, messages: number): Promise<void> {
  for (const node of nodes) {
    await pollUntil(`${messages} messages of ${stream} at ${node.name}`, LEADER_MS_MAX, async () => {
      const found = (await streamAt(node, stream))?.messages
      return found === messages ? { answer: undefined } : { missing: `it has ${found ?? 'no copy'}` }
    })
  }
}
