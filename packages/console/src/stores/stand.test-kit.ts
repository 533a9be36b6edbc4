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

/** Frames that are drawn when a test says so. */
export class Frames {
  private due: (() => void)[] = []

  readonly frame: Frame = (run) => void this.due.push(run)

  /** Lets all that is under way come to rest, then draws a frame. Answers how many changes were waiting for it. */
  async draw(): Promise<number> {
    await new Promise(setImmediate)
    const due = this.due
    this.due = []
    for (const run of due) run()
    return due.length
  }
}

/** A live channel whose items come when a test pushes them. */
export class Pushed<Item> {
  private waiting: ((next: Item | undefined) => void) | undefined
  private readonly items: (Item | undefined)[] = []

  push(...items: readonly Item[]): void {
    for (const each of items) this.give(each)
  }

  end(): void {
    this.give(undefined)
  }

  read() {
    const take = () =>
      new Promise<Item | undefined>((resolve) => {
        if (this.items.length > 0) resolve(this.items.shift())
        else this.waiting = resolve
      })
    async function* read() {
      for (let next = await take(); next; next = await take()) yield next
    }
    return Object.assign(read(), { close: () => this.end() })
  }

  private give(next: Item | undefined): void {
    if (this.waiting) {
      this.waiting(next)
      this.waiting = undefined
    } else this.items.push(next)
  }
}

/** A server that says what a test has it say: a state for each time it is asked, and entries as they are pushed. */
export class Stand {
  /** Where each stream was to begin. */
  readonly streams: StreamOptions[] = []
  /** State answers, the first for the first question. */
  readonly states: object[] = []
  private readonly pushed = new Pushed<WorkspaceItem>()
  private readonly frames = new Frames()

  readonly switchboard = {
    state: { get: async () => this.states.shift() },
    events: { stream: (options: StreamOptions) => this.stream(options) },
  } as unknown as Switchboard

  readonly frame: Frame = this.frames.frame

  push(...items: readonly WorkspaceItem[]): void {
    this.pushed.push(...items)
  }

  /** Tells the newest stream of a gap. */
  gap(requested: string, oldest: string): void {
    const told = { code: 'history_truncated', requested, oldest, newest: oldest, stateUrl: undefined }
    this.streams.at(-1)?.onGap?.(told)
  }

  /** See `Frames`. */
  draw(): Promise<number> {
    return this.frames.draw()
  }

  private stream(options: StreamOptions) {
    this.streams.push(options)
    options.signal?.addEventListener('abort', () => this.pushed.end())
    return this.pushed.read()
  }
}
