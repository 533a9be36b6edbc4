import type { ToolCallCompletedEvent, ToolCallStartedEvent } from '@switchboard/sdk'

/** One run of a tool. */
export interface ToolRun {
  readonly callId: string
  readonly name: string
  /** Unix ms; when only the completion is known, counted back from it. */
  readonly startedAt: number
  readonly durationMs: number | undefined
  readonly status: 'running' | 'succeeded' | 'failed'
  readonly input: unknown
  readonly output: string | undefined
  readonly error: string | undefined
  /** Runs of other tools that this one is part of. */
  readonly depth: number
  /** Where it runs, as far as it was told. */
  readonly where: string
}

type About = Pick<ToolCallStartedEvent, 'integration_name' | 'endpoint_name' | 'protocol'>

/** The tools of a call: a start and its completion, in whichever order they come, are one run. */
export class Tools {
  readonly #runs = new Map<string, ToolRun>()

  /** In the order in which they were first heard of. */
  get runs(): readonly ToolRun[] {
    return [...this.#runs.values()]
  }

  start(at: number, event: ToolCallStartedEvent): void {
    const known = this.#runs.get(event.call_id)
    const input = event.input ?? event.tool_input ?? undefined
    if (known) {
      this.#runs.set(event.call_id, { ...known, startedAt: Math.min(at, known.startedAt), input })
      return
    }
    this.#runs.set(event.call_id, {
      callId: event.call_id,
      name: event.tool_name,
      startedAt: at,
      durationMs: undefined,
      status: 'running',
      input,
      output: undefined,
      error: undefined,
      depth: this.#depthOf(event.parent_call_id),
      where: whereOf(event),
    })
  }

  complete(at: number, event: ToolCallCompletedEvent): void {
    const known = this.#runs.get(event.call_id)
    const error = event.error ?? event.error_message ?? undefined
    const durationMs = event.duration_ms ?? (known && at - known.startedAt)
    this.#runs.set(event.call_id, {
      callId: event.call_id,
      name: event.tool_name,
      startedAt: known?.startedAt ?? at - (durationMs ?? 0),
      durationMs,
      status:
        event.succeeded === false || (event.succeeded === undefined && error !== undefined) ? 'failed' : 'succeeded',
      input: known?.input,
      output: event.output ?? undefined,
      error,
      depth: known?.depth ?? this.#depthOf(event.parent_call_id),
      where: known?.where || whereOf(event),
    })
  }

  #depthOf(parent: string | null | undefined): number {
    const above = parent ? this.#runs.get(parent) : undefined
    return above ? above.depth + 1 : 0
  }
}

function whereOf({ integration_name, endpoint_name, protocol }: About): string {
  return [integration_name, endpoint_name, protocol].filter(Boolean).join(' · ')
}
