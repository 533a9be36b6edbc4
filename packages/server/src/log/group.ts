import type { Position } from '@switchboard/contract'
import { type Block, channelKind } from './block.js'
import { encodeBlocks, type PlacedDraught } from './codec.js'
import { Draft } from './draft.js'
import type { Environment, Write } from './environment.js'
import type { Head } from './head.js'
import type { Heads } from './heads.js'
import { channelKey } from './keys.js'
import type { Channel } from './log.js'
import { RecordDraft, type Records } from './records.js'
import type { Vault } from './vault.js'

/** Everything that one flush makes durable: whatever waited while the flush before it was under way. */
export class Group {
  readonly draft: Draft
  readonly records: RecordDraft
  private origin: Position | undefined
  private readonly workspaces = new Map<string, ChannelGroup>()
  private readonly calls = new Map<string, ChannelGroup>()
  private readonly channels: ChannelGroup[] = []

  constructor(
    environment: Environment,
    private readonly heads: Heads,
    records: Records,
    private readonly vault: Vault | undefined,
    private instant: number,
  ) {
    this.draft = new Draft(environment)
    this.records = new RecordDraft(records)
  }

  /** The instant of what is being planned, unix ms. */
  get now(): number {
    return this.instant
  }

  /**
   * What is planned next has its place in a log elsewhere: its first entry gets this sequence, and its time unless the
   * channel is ahead of that already.
   */
  moveTo(origin: Position): void {
    this.instant = origin.time
    this.origin = origin
  }

  /** The position of the next entry of a channel, or of the one `ahead` places behind it. */
  place({ newest }: ChannelGroup, ahead = 0, instant = this.instant): Position {
    // The log's clock never runs backwards, whatever the machine's does (P2).
    const time = Math.max(instant, newest.time)
    return { time, sequence: (this.origin?.sequence ?? newest.sequence + 1) + ahead }
  }

  channel(channel: Channel): ChannelGroup {
    const { workspace, call } = channel
    // Found by text: the bytes of the key are made once a group and not for every append of it.
    const name = call === undefined ? workspace : `${workspace.length}/${workspace}/${call}`
    const found = call === undefined ? this.workspaces : this.calls
    let group = found.get(name)
    if (group === undefined) {
      const key = channelKey(channel)
      group = new ChannelGroup(channel, key, this.heads.read(channel, key))
      found.set(name, group)
      this.channels.push(group)
    }
    return group
  }

  /** All writes, and the blocks for the followers, in the order in which the channels came. */
  finish(): { writes: readonly Write[]; blocks: readonly (readonly [Channel, Block])[] } {
    const blocks: (readonly [Channel, Block])[] = []
    for (const { channel, key, head, newest, entries } of this.channels) {
      const [first] = entries
      if (first === undefined) continue
      const sealing = this.vault?.sealingOf(channel, this.draft)
      for (const encoded of encodeBlocks(key, channelKind(channel), head.newest.sequence, entries, sealing)) {
        this.draft.put('blocks', encoded.key, encoded.value)
        blocks.push([channel, encoded.block])
      }
      this.heads.write(this.draft, key, head, { newest, oldest: head.oldest ?? first.position, removed: head.removed })
    }
    // Sealing them may plan keys of theirs.
    const records = this.records.writes(this.draft, this.instant)
    return { writes: [...this.draft.writes(), ...records], blocks }
  }
}

/** One channel's entries of a group. */
export class ChannelGroup {
  readonly entries: PlacedDraught[] = []

  constructor(
    readonly channel: Channel,
    readonly key: Buffer,
    /** As it was before the group. */
    readonly head: Head,
  ) {}

  /** The newest entry, those of the group included. */
  get newest(): Position {
    return this.entries[this.entries.length - 1]?.position ?? this.head.newest
  }
}
