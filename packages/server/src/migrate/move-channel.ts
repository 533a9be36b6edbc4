import { SwitchboardError } from '@switchboard/contract'
import type { JetStreamLog } from '../log/jetstream/jetstream-log.js'
import type { ImportedEntry } from '../log/jetstream/partition.js'
import type { Channel, Log } from '../log/log.js'
import { entriesOf, isSame, type KeptEntry } from './entries.js'

/** Entries, and characters of JSON, that go together: one message of a server's usual size. */
const BATCH_ENTRIES_MAX = 1000
const BATCH_CHARS_MAX = 384 * 1024
/** How often a channel is looked at anew because something came in between: the last breath of a run that was killed. */
const ATTEMPTS_MAX = 3

export interface MoveChannelOptions {
  readonly source: Log
  readonly target: JetStreamLog
  readonly signal: AbortSignal
  /** Told how many entries are there, also of those that were there before. */
  readonly moved: (entries: number) => void
}

/**
 * Brings the entries of a channel to the target, behind those that are there already from a run that was broken off.
 * @throws SwitchboardError `conflict` when what is there is not the beginning of what the source has.
 */
export async function moveChannel(channel: Channel, options: MoveChannelOptions): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await goOn(channel, options)
      return
    } catch (error) {
      const isOvertaken =
        error instanceof SwitchboardError && error.code === 'conflict' && !(error instanceof NotTheBeginning)
      if (!isOvertaken || attempt === ATTEMPTS_MAX) throw error
      await options.target.catchUp()
    }
  }
}

async function goOn(channel: Channel, { source, target, signal, moved }: MoveChannelOptions): Promise<void> {
  const entries = entriesOf(source, channel)
  const there = await passOver(entries, target, channel)
  moved(there)
  let after = (await target.bounds(channel)).newest.sequence
  let batch: ImportedEntry[] = []
  let chars = 0
  const flush = async () => {
    if (batch.length === 0) return
    signal.throwIfAborted()
    const { positions } = await target.import(channel, batch, after)
    after = positions[positions.length - 1]?.sequence ?? after
    moved(batch.length)
    batch = []
    chars = 0
  }
  for await (const { type, json, position } of entries) {
    if (batch.length === BATCH_ENTRIES_MAX || chars + json.length > BATCH_CHARS_MAX) await flush()
    batch.push({ type, json, time: position.time })
    chars += json.length
  }
  await flush()
}

/** Takes what the target has from the beginning of what the source has. Answers how many entries that are. */
async function passOver(entries: AsyncGenerator<KeptEntry>, target: Log, channel: Channel): Promise<number> {
  let count = 0
  for await (const there of entriesOf(target, channel)) {
    const { value: here } = await entries.next()
    if (here === undefined || !isSame(here, there)) throw new NotTheBeginning()
    count += 1
  }
  return count
}

/** What an earlier run has moved is not what this one would: a person decides. */
export class NotTheBeginning extends SwitchboardError {
  constructor() {
    super(
      'conflict',
      'an earlier run has moved entries that are not the beginning of what the folder holds now: it was served in between, or the target has removed some by age. Begin anew with --start-over',
    )
  }
}
