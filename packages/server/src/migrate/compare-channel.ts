import { createHash, type Hash } from 'node:crypto'
import type { Position } from '@switchboard/contract'
import type { Channel, Log } from '../log/log.js'
import { blocksOf, entriesOf, type KeptEntry } from './entries.js'

/** What a channel came to at the target. */
export interface Comparison {
  readonly channel: Channel
  /** Entries of the source, and of the target. */
  readonly entries: readonly [source: number, target: number]
  /** SHA-256 over times, types and events of those that both have. */
  readonly digests: readonly [source: string, target: string]
  /** The oldest of the source that has gone from the target by age in the meantime. */
  readonly aged: number
  readonly isSame: boolean
  /** Positions of the first and the last entry there and here; undefined when the target keeps none. */
  readonly first: Pair | undefined
  readonly last: Pair | undefined
}

/** The position of one entry in the source and in the target. */
export type Pair = readonly [source: Position, target: Position]

/** Pairs that are told of at a time. */
const PAIRS_MAX = 1000

/**
 * Reads a channel on both sides, side by side.
 * @param told Told of every entry's positions, some at a time, in their order.
 */
export async function compareChannel(
  source: Log,
  target: Log,
  channel: Channel,
  told: (pairs: readonly Pair[]) => Promise<void>,
): Promise<Comparison> {
  const [there, here] = await Promise.all([count(target, channel), count(source, channel)])
  const { removed } = await target.bounds(channel)
  const mayBeAged = removed !== undefined && here > there ? here - there : 0
  const hashes = [createHash('sha256'), createHash('sha256')] as const
  const targets = entriesOf(target, channel)
  let aged = 0
  let first: Pair | undefined
  let last: Pair | undefined
  const pairs: Pair[] = []
  for await (const entry of entriesOf(source, channel)) {
    if (aged < mayBeAged && entry.position.time <= (removed?.time ?? 0)) {
      aged += 1
      continue
    }
    add(hashes[0], entry)
    const { value: moved } = await targets.next()
    if (moved === undefined) continue
    add(hashes[1], moved)
    last = [entry.position, moved.position]
    first ??= last
    pairs.push(last)
    if (pairs.length === PAIRS_MAX) await told(pairs.splice(0))
  }
  if (pairs.length > 0) await told(pairs)
  for await (const more of targets) add(hashes[1], more)
  const digests = [hashes[0].digest('hex'), hashes[1].digest('hex')] as const
  const isSame = digests[0] === digests[1] && here === there + aged
  return { channel, entries: [here, there], digests, aged, isSame, first, last }
}

function add(hash: Hash, { position, type, json }: KeptEntry): void {
  hash.update(`${position.time} ${type} ${json}\n`)
}

async function count(log: Log, channel: Channel): Promise<number> {
  let entries = 0
  for await (const block of blocksOf(log, channel)) entries += block.count
  return entries
}
