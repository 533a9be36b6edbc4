import type { JsonObject } from '@switchboard/contract'

/** Open starts remembered for one call: far more than an agent has under way, little enough to be held for many calls. */
const OPEN_STARTS_MAX = 1000

/** A tool that has begun and not finished. */
interface OpenStart {
  readonly toolName: string
  readonly callId: string
}

/**
 * The tool starts of one call that no completion has answered, oldest first.
 *
 *     started    find_appointment  a    ┐
 *     started    find_appointment  b    │  open: a, b
 *     completed  find_appointment       ┘  takes a, the oldest of its name
 *
 * A value: each change makes a new one, so that a batch can be tried on a copy and dropped when it is not stored.
 */
export class OpenStarts {
  static readonly none = new OpenStarts([])

  private constructor(private readonly starts: readonly OpenStart[]) {}

  /** The id of the oldest open start of a tool, or undefined. */
  oldest(toolName: string): string | undefined {
    return this.starts.find((start) => start.toolName === toolName)?.callId
  }

  /** The open starts after an event of the call, which carries its `call_id` by now. */
  after(type: string, event: JsonObject): OpenStarts {
    const { tool_name: toolName, call_id: callId } = event
    if (typeof toolName !== 'string' || typeof callId !== 'string') return this
    if (type === TOOL_STARTED) return new OpenStarts([...this.starts, { toolName, callId }].slice(-OPEN_STARTS_MAX))
    if (type !== TOOL_COMPLETED) return this
    const index = this.starts.findIndex((start) => start.callId === callId)
    return index === -1 ? this : new OpenStarts(this.starts.toSpliced(index, 1))
  }
}

export const TOOL_STARTED = 'tool_call_started'
export const TOOL_COMPLETED = 'tool_call_completed'

/** True for the two types whose `call_id` may be left to the server. */
export function isToolEvent(type: string): boolean {
  return type === TOOL_STARTED || type === TOOL_COMPLETED
}
