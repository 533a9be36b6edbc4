import type { Position } from '@switchboard/contract'
import { type Block, channelKind } from './block.js'
import { type Draught, encodeBlocks } from './codec.js'
import { Draft } from './draft.js'
import type { Environment, Write } from './environment.js'
import type { Head } from './head.js'
import type { Heads } from './heads.js'
import { channelKey } from './keys.js'
import type { Channel } from './log.js'
import { RecordDraft, type Records } from './records.js'

/** Everything that one flush makes durable: whatever waited while the flush before it was under way. */
export class Group {
  readonly draft: Draft
  readonly records: RecordDraft
  private readonly workspaces = new Map<string, ChannelGroup>()
  private readonly calls = new Map<string, ChannelGroup>()
  private readonly channels: ChannelGroup[] = []

  constructor(
    environment: Environment,
    private readonly heads: Heads,
    records: Records,
    /** The instant of all its entries, unix ms. */
    readonly now: number,
  ) {
    this.draft = new Draft(environment)
    this.records = new RecordDraft(records)
  }

  channel(channel: Channel): ChannelGroup {
    const { workspace, call } = channel
    // Found by text: the bytes of the key are made once a group and not for every append of it.
    const name = call === undefined ? workspace : `${workspace.length}/${workspace}/${call}`
    const found = call === undefined ? this.workspaces : this.calls
    let group = found.get(name)
    if (group === undefined) {
      const key = channelKey(channel)
      group = new ChannelGroup(channel, key, this.heads.read(channel, key), this.now)
      found.set(name, group)
      this.channels.push(group)
    }
    return group
  }

  /** All writes, and the blocks for the followers, in the order in which the channels came. */
  finish(): { writes: readonly Write[]; blocks: readonly (readonly [Channel, Block])[] } {
    const blocks: (readonly [Channel, Block])[] = []
    for (const { channel, key, head, time, entries } of this.channels) {
      if (entries.length === 0) continue
      for (const encoded of encodeBlocks(key, channelKind(channel), time, head.newest.sequence + 1, entries)) {
        this.draft.put('blocks', encoded.key, encoded.value)
        blocks.push([channel, encoded.block])
      }
      this.heads.write(this.draft, key, head, {
        newest: { time, sequence: head.newest.sequence + entries.length },
        oldest: head.oldest ?? { time, sequence: head.newest.sequence + 1 },
        removed: head.removed,
      })
    }
    return { writes: [...this.draft.writes(), ...this.records.writes()], blocks }
  }
}

/** One channel's entries of a group. */
export class ChannelGroup {
  readonly entries: Draught[] = []
  /** Of all its entries. The log's clock never runs backwards, whatever the machine's does (P2). */
  readonly time: number

  constructor(
    readonly channel: Channel,
    readonly key: Buffer,
    /** As it was before the group. */
    readonly head: Head,
    now: number,
  ) {
    this.time = Math.max(now, head.newest.time)
  }

  /** The position of the entry that is `ahead` places behind those already here. */
  place(ahead: number): Position {
    return { time: this.time, sequence: this.head.newest.sequence + this.entries.length + 1 + ahead }
  }
}
