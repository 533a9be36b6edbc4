import type { JsonObject } from '@switchboard/contract'
import { uuidv7 } from 'uuidv7'
import type { Block } from '../log/block.js'
import type { Channel, Log, NewEvent } from '../log/log.js'
import { isToolEvent, OpenStarts, TOOL_COMPLETED } from './open-starts.js'

/** Calls whose open starts are held at a time. One that is pushed out is read again from its history when needed. */
const CALLS_MAX = 10_000

/** Frames read at a time while a call's open starts are found again. */
const READ_BYTES = 256 * 1024

/** Knows, for each call, which tool starts are open, and gives tool events the `call_id` their producer left out. */
export interface ToolCalls {
  /**
   * Runs `append` with the events completed: a start without `call_id` gets a new one, a completion without it takes
   * that of the oldest open start of its tool, or a new one when none is open.
   *
   * Appends of one call that hold tool events run one after another: a completion that arrives while its start is
   * still being written must find it. Others are not held up.
   */
  complete<T>(
    channel: Channel,
    events: readonly NewEvent[],
    append: (events: readonly NewEvent[]) => Promise<T>,
  ): Promise<T>
  /** Stops following the log. */
  close(): void
}

/** For a process that leaves it to the one that appends for it. */
export const completedElsewhere: ToolCalls = { complete: (_, events, append) => append(events), close() {} }

interface Call {
  /** What the log holds up to `sequence`; undefined until its history has been read. */
  open: OpenStarts | undefined
  /** Newest entry that `open` has seen. */
  sequence: number
  /** Blocks appended, here or at another process, while the history is being read; undefined when it is not. */
  arrived: Block[] | undefined
  /** Ends when the appends asked for so far have ended. Never rejects. */
  turn: Promise<void>
  /** Appends that wait or run: while there are any the call is not pushed out. */
  users: number
}

export function createToolCalls(log: Log): ToolCalls {
  const calls = new Map<string, Call>()

  // What was appended is learned from the log and not from the answer to an append: it then holds for repeats, which
  // append nothing, and for what other processes append. `follow` is told before `append` resolves (P4).
  const unfollow = log.follow((channel, block) => {
    if (channel.call === undefined) return
    const call = calls.get(nameOf(channel))
    if (call?.open) call.open = learn(call, call.open, block)
    else call?.arrived?.push(block)
  })

  function use(channel: Channel): Call {
    const name = nameOf(channel)
    const call = calls.get(name) ?? newCall()
    // Set anew, so that the map's order is that of use.
    calls.delete(name)
    calls.set(name, call)
    if (calls.size > CALLS_MAX) {
      for (const [other, { users }] of calls) {
        if (users > 0 || other === name) continue
        calls.delete(other)
        break
      }
    }
    return call
  }

  return {
    async complete(channel, events, append) {
      if (channel.call === undefined || !events.some((event) => isToolEvent(event.type))) return append(events)
      const call = use(channel)
      call.users++
      const before = call.turn
      let done = () => {}
      call.turn = new Promise((resolve) => {
        done = resolve
      })
      try {
        await before
        // Its start may have been acknowledged at another process a moment ago.
        if (events.some(needsStart)) await log.catchUp()
        const open = call.open ?? (await recall(log, channel, call))
        return await append(fillIn(events, open))
      } finally {
        call.users--
        done()
      }
    },
    close: unfollow,
  }
}

function newCall(): Call {
  return { open: undefined, sequence: 0, arrived: undefined, turn: Promise.resolve(), users: 0 }
}

/** Reads the open starts from the call's history, then adds what was appended meanwhile. */
async function recall(log: Log, channel: Channel, call: Call): Promise<OpenStarts> {
  const arrived: Block[] = []
  call.arrived = arrived
  call.sequence = 0
  let open = OpenStarts.none
  try {
    for (;;) {
      const page = await log.read(channel, call.sequence, READ_BYTES)
      for (const block of page.blocks) open = learn(call, open, block)
      if (page.reachedHead || page.blocks.length === 0) break
    }
  } finally {
    call.arrived = undefined
  }
  for (const block of arrived) open = learn(call, open, block)
  call.open = open
  return open
}

/** The open starts after a block's entries, as far as they have not been seen. */
function learn(call: Call, before: OpenStarts, block: Block): OpenStarts {
  if (block.last <= call.sequence) return before
  let open = before
  for (let index = block.indexAfter(call.sequence); index < block.count; index++) {
    const type = block.types[index] as string
    // Only tool events are worth parsing.
    if (isToolEvent(type)) open = open.after(type, block.entry(index).event)
  }
  call.sequence = block.last
  return open
}

/** The events with their call ids; `open` is left as it is, for they may yet not be stored. */
function fillIn(events: readonly NewEvent[], open: OpenStarts): readonly NewEvent[] {
  let ahead = open
  return events.map((event) => {
    if (!isToolEvent(event.type)) return event
    const completed = typeof event.event.call_id === 'string' ? event : withCallId(event, ahead)
    ahead = ahead.after(completed.type, completed.event)
    return completed
  })
}

function needsStart({ type, event }: NewEvent): boolean {
  return type === TOOL_COMPLETED && typeof event.call_id !== 'string'
}

function withCallId(event: NewEvent, open: OpenStarts): NewEvent {
  const toolName = event.event.tool_name
  const taken = event.type === TOOL_COMPLETED && typeof toolName === 'string' ? open.oldest(toolName) : undefined
  const completed: JsonObject = { ...event.event, call_id: taken ?? uuidv7() }
  return { ...event, event: completed }
}

function nameOf(channel: Channel): string {
  return `${channel.workspace}/${channel.call}`
}
