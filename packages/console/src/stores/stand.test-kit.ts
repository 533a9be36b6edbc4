import type { Switchboard, WorkspaceItem } from '@switchboard/sdk'
import type { Frame } from './store.js'

type StreamOptions = NonNullable<Parameters<Switchboard['events']['stream']>[0]>

const BEGAN = Date.UTC(2026, 0, 5, 9)

/** The entry number `n` of a workspace. */
export function item(n: number, event: object): WorkspaceItem {
  const time = BEGAN + n * 1_000
  return { id: `${time}-${n}`, time: new Date(time), event: event as WorkspaceItem['event'] }
}

export const started = (call_sid: string) => ({
  event_type: 'call.started',
  call_sid,
  direction: 'inbound',
  service_id: 'front-desk',
})

export const ended = (call_sid: string) => ({
  event_type: 'call.ended',
  call_sid,
  direction: 'inbound',
  duration_seconds: 72,
  completion_reason: 'completed',
  escalated: false,
})

/** A server that says what a test has it say: a state for each time it is asked, and entries as they are pushed. */
export class Stand {
  /** Where each stream was to begin. */
  readonly streams: StreamOptions[] = []
  /** State answers, the first for the first question. */
  readonly states: object[] = []
  private waiting: ((next: WorkspaceItem | undefined) => void) | undefined
  private readonly items: (WorkspaceItem | undefined)[] = []
  private frames: (() => void)[] = []

  readonly switchboard = {
    state: { get: async () => this.states.shift() },
    events: { stream: (options: StreamOptions) => this.stream(options) },
  } as unknown as Switchboard

  readonly frame: Frame = (run) => void this.frames.push(run)

  push(...items: readonly WorkspaceItem[]): void {
    for (const each of items) this.give(each)
  }

  /** Tells the newest stream of a gap. */
  gap(requested: string, oldest: string): void {
    const told = { code: 'history_truncated', requested, oldest, newest: oldest, stateUrl: undefined }
    this.streams.at(-1)?.onGap?.(told)
  }

  /** Lets all that is under way come to rest, then draws a frame. Answers how many changes were waiting for it. */
  async draw(): Promise<number> {
    await new Promise(setImmediate)
    const due = this.frames
    this.frames = []
    for (const run of due) run()
    return due.length
  }

  private give(next: WorkspaceItem | undefined): void {
    if (this.waiting) {
      this.waiting(next)
      this.waiting = undefined
    } else this.items.push(next)
  }

  private stream(options: StreamOptions) {
    this.streams.push(options)
    options.signal?.addEventListener('abort', () => this.give(undefined))
    const take = () =>
      new Promise<WorkspaceItem | undefined>((resolve) => {
        if (this.items.length > 0) resolve(this.items.shift())
        else this.waiting = resolve
      })
    async function* read() {
      for (let next = await take(); next; next = await take()) yield next
    }
    return Object.assign(read(), { close: () => this.give(undefined) })
  }
}
