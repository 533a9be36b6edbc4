import { type Block, type Entry, frameJson } from '../log/block.js'
import type { Channel, Log } from '../log/log.js'

const PAGE_BYTES = 1024 * 1024

/** The blocks of a channel, oldest first; damaged ones included, which hold no entries. */
export async function* blocksOf(log: Log, channel: Channel, after = 0): AsyncGenerator<Block> {
  for (let from = after, reachedHead = false; !reachedHead; ) {
    const page = await log.read(channel, from, PAGE_BYTES)
    yield* page.blocks
    from = page.blocks[page.blocks.length - 1]?.last ?? from
    reachedHead = page.reachedHead
  }
}

/** An entry with its event as one line of JSON. */
export interface KeptEntry extends Pick<Entry, 'position' | 'type'> {
  readonly json: string
}

/** The entries of a channel that can be read, oldest first. */
export async function* entriesOf(log: Log, channel: Channel): AsyncGenerator<KeptEntry> {
  for await (const block of blocksOf(log, channel)) {
    for (const { position, type, frame } of block.entries()) {
      yield { position, type, json: frameJson(block.kind, frame) }
    }
  }
}

export function isSame(one: KeptEntry, other: KeptEntry): boolean {
  return one.position.time === other.position.time && one.type === other.type && one.json === other.json
}
