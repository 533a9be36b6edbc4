import type { WorkspaceItem } from '@switchboard/sdk'
import type { FeedStreamOptions } from './feed.js'
import type { RecordName, RecordPage, RecordsAsked, StateReader } from './state-reader.js'
import type { Frame } from './store.js'

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
  private readonly steps: (() => IteratorResult<Item, void>)[] = []
  private wake: () => void = () => {}

  push(...items: readonly Item[]): void {
    for (const value of items) this.give(() => ({ done: false, value }))
  }

  end(): void {
    this.give(() => ({ done: true, value: undefined }))
  }

  fail(error: Error): void {
    this.give(() => {
      throw error
    })
  }

  read() {
    const { steps } = this
    const next = async () => {
      while (steps.length === 0) {
        await new Promise<void>((resolve) => {
          this.wake = resolve
        })
      }
      return steps.shift()?.() as IteratorResult<Item, void>
    }
    async function* read() {
      for (let step = await next(); !step.done; step = await next()) yield step.value
    }
    return Object.assign(read(), { close: () => this.end() })
  }

  private give(step: () => IteratorResult<Item, void>): void {
    this.steps.push(step)
    this.wake()
  }
}

/** A server that says what a test has it say: a state for each time it is asked, and entries as they are pushed. */
export class Stand {
  /** Where each stream was to begin. */
  readonly streams: FeedStreamOptions[] = []
  /** State answers, the first for the first question. */
  readonly states: object[] = []
  private readonly pushed = new Pushed<WorkspaceItem>()
  private readonly frames = new Frames()

  /** Pages of lists, by their name, the first for the first question; active calls have a list of their own. */
  readonly pages: Partial<Record<RecordName | 'active', RecordPage<RecordName>[]>> = {}

  readonly feed = { stream: (options: FeedStreamOptions = {}) => this.stream(options) }
  readonly state = {
    get: async () => this.states.shift(),
    page: async ({ name, status }: RecordsAsked<RecordName>) => {
      const asked = this.pages[status === 'active' ? 'active' : name]
      return asked?.shift() ?? { records: [], position: '1-1', next: undefined }
    },
  } as unknown as StateReader

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

  private stream(options: FeedStreamOptions) {
    this.streams.push(options)
    options.signal?.addEventListener('abort', () => this.pushed.end())
    return this.pushed.read()
  }
}
