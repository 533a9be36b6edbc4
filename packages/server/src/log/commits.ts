import { SwitchboardError } from '@switchboard/contract'
import type { Block } from './block.js'
import type { Disk } from './disk.js'
import type { Group } from './group.js'
import type { Channel } from './log.js'

/** Entries of one group: what one flush takes, and how long its planning may keep the event loop (about 20 ms). */
export const GROUP_ENTRIES_MAX = 4000
/** JSON of one group, in UTF-16 units. */
export const GROUP_CHARS_MAX = 4 * 1024 * 1024

/** Something that wants to be durable. */
export interface Operation {
  /** What it brings, as measured by the limits above. */
  readonly entries: number
  readonly chars: number
  /** Shares its flush with none: it reads what is stored, and would not see what others plan. */
  readonly alone: boolean
  /** Tried while the disk is full: it makes space, or finds out whether there is some. */
  readonly whenFull: boolean
  /** Plans its writes. What it throws refuses it, and it alone: then it must have planned nothing. */
  prepare(group: Group): void
  /** All it planned is durable. */
  done(): void
  failed(error: SwitchboardError): void
}

/**
 * Group commit. Operations wait in order; whatever waits when the disk is free goes in one flush.
 *
 *     waiting   [a][b][c]      [d][e]            [f]
 *     disk      ── flush abc ──▶── flush de ──▶── flush f ──▶
 */
export class Commits {
  private readonly waiting: Operation[] = []
  private running: Promise<void> | undefined
  private closing = false

  constructor(
    private readonly disk: Disk,
    private readonly newGroup: () => Group,
    /** What has become durable, in log order and before any `done`. */
    private readonly onBlocks: (blocks: readonly (readonly [Channel, Block])[]) => void,
  ) {}

  push(operation: Operation): void {
    if (this.closing) {
      operation.failed(new SwitchboardError('unavailable', 'the log is closing'))
    } else if (this.refuses(operation)) {
      operation.failed(this.disk.refusal())
    } else {
      this.waiting.push(operation)
      this.running ??= this.run()
    }
  }

  /** Resolves when all that was pushed before is settled. Nothing is taken any more. */
  async close(): Promise<void> {
    this.closing = true
    await this.running
  }

  private refuses(operation: Operation): boolean {
    return !this.disk.writable && (this.disk.isBroken || !operation.whenFull)
  }

  private async run(): Promise<void> {
    // One turn of the event loop for others to come along: requests of one poll then share the first flush.
    await new Promise(setImmediate)
    while (this.waiting.length > 0) {
      // 1. Plan. A refused operation leaves no trace.
      const group = this.newGroup()
      const operations = this.next().filter((operation) => this.attempt(operation, group))
      try {
        const { writes, blocks } = group.finish()
        // 2. Nobody hears of it before the disk has it (P1).
        await this.disk.commit(writes)
        // 3. Followers, in log order, before whoever appended (P4).
        this.onBlocks(blocks)
      } catch (error) {
        for (const operation of operations) operation.failed(asFailure(error))
        if (!this.disk.writable) this.refuseWaiting()
        continue
      }
      for (const operation of operations) operation.done()
    }
    this.running = undefined
  }

  private next(): Operation[] {
    let entries = 0
    let chars = 0
    let count = 0
    for (const operation of this.waiting) {
      if (count > 0 && (operation.alone || entries >= GROUP_ENTRIES_MAX || chars >= GROUP_CHARS_MAX)) break
      entries += operation.entries
      chars += operation.chars
      count++
      if (operation.alone) break
    }
    return this.waiting.splice(0, count)
  }

  private attempt(operation: Operation, group: Group): boolean {
    try {
      operation.prepare(group)
      return true
    } catch (error) {
      operation.failed(asFailure(error))
      return false
    }
  }

  private refuseWaiting(): void {
    for (const operation of this.waiting.splice(0)) {
      if (this.refuses(operation)) operation.failed(this.disk.refusal())
      else this.waiting.push(operation)
    }
  }
}

function asFailure(error: unknown): SwitchboardError {
  // What is not a failure of the table is a bug of ours.
  return error instanceof SwitchboardError
    ? error
    : new SwitchboardError('internal', 'the log failed to store this', { cause: error })
}
