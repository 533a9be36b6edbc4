import type { ObserverEventInput, Switchboard, WorkspaceEventInput } from '@switchboard/sdk'
import { play, type Stage, simulate, type TimelineItem, Unfinished } from '@switchboard/simulator'
import { type ChannelKind, type Refusal, refusalOf } from './refusal.js'
import { type Frame, Store } from './store.js'
import type { WorkspaceSnapshot } from './workspace-store.js'

/** Far below what one tab can send, and enough to fill every page. */
export const CALLS_PER_MINUTE_MAX = 60
export const SPEEDS = [1, 2, 5, 10] as const
/** Time after which a story in a forgotten tab comes to its end. */
export const RUN_MINUTES_MAX = 60
/** What happens within this time is sent together: soon enough to look alive, and a few requests a second. */
const TICK_MS = 250
/** The longest wait before it is looked whether the story may still go on. */
const LOOK_MS = 1000

export interface Simulation {
  /** `closing`: calls under way are hung up and operators go home. `failed`: `refusal` says why. */
  readonly phase: 'idle' | 'running' | 'closing' | 'ended' | 'failed'
  readonly callsPerMinute: number
  readonly speed: number
  readonly events: number
  readonly calls: number
  /** Calls under way. */
  readonly active: number
  /** How far the story has come, in its own seconds. */
  readonly seconds: number
  readonly refusal: Refusal | undefined
  /** True once it was started here: nobody is asked twice whether the workspace may be written to. */
  readonly agreed: boolean
}

export interface SimulationStoreOptions {
  readonly switchboard: Pick<Switchboard, 'events' | 'calls'>
  readonly frame: Frame
  readonly now: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly seed: () => number
  /** False once whoever started it has signed out: the story then winds down. */
  readonly mayGoOn: () => boolean
  /** Told whether the tab must ask before it is closed, because calls would stay open for ever. */
  readonly onBusy: (busy: boolean) => void
}

/** A made-up workspace that is told to the real one, from this tab. */
export class SimulationStore extends Store<Simulation> {
  readonly #options: SimulationStoreOptions
  #stopped = new AbortController()
  #unfinished = new Unfinished()
  /** Of the newest item that was told, in seconds of the story. */
  #last = 0

  constructor(options: SimulationStoreOptions) {
    super(
      {
        phase: 'idle',
        callsPerMinute: 12,
        speed: 1,
        events: 0,
        calls: 0,
        active: 0,
        seconds: 0,
        refusal: undefined,
        agreed: false,
      },
      options.frame,
    )
    this.#options = options
  }

  get busy(): boolean {
    return this.latest.phase === 'running' || this.latest.phase === 'closing'
  }

  /** Values out of bounds are brought within them. The next start takes them up. */
  configure({ callsPerMinute, speed }: { readonly callsPerMinute?: number; readonly speed?: number }): void {
    if (this.busy) return
    if (callsPerMinute !== undefined && Number.isFinite(callsPerMinute)) {
      this.#change({ callsPerMinute: Math.min(CALLS_PER_MINUTE_MAX, Math.max(1, Math.round(callsPerMinute))) })
    }
    if (SPEEDS.some((each) => each === speed) && speed !== undefined) this.#change({ speed })
  }

  /** Resolves when the story is over, however it ends; it never rejects. */
  async start(): Promise<void> {
    if (this.busy) return
    await this.#until(async () => {
      // What an earlier story has left open would otherwise stay so.
      if (this.latest.phase === 'failed') await this.#windDown()
      this.#begin()
      await this.#tell()
      await this.#windDown()
    })
  }

  /** What has begun to be sent is sent; then the story winds down. */
  stop(): void {
    this.#stopped.abort()
  }

  /** Ends what a story that failed has left open. */
  async hangUp(): Promise<void> {
    if (this.latest.phase === 'failed') await this.#until(() => this.#windDown())
  }

  async #until(over: () => Promise<void>): Promise<void> {
    const { onBusy } = this.#options
    onBusy(true)
    try {
      await over()
      this.#change({ phase: 'ended', refusal: undefined })
    } catch (error) {
      this.#change({
        phase: 'failed',
        refusal: error instanceof Refused ? error.refusal : refusalOf(error, 'workspace'),
      })
    } finally {
      onBusy(false)
    }
  }

  #begin(): void {
    this.#stopped = new AbortController()
    this.#unfinished = new Unfinished()
    this.#last = 0
    this.#change({ phase: 'running', agreed: true, events: 0, calls: 0, active: 0, seconds: 0, refusal: undefined })
  }

  async #tell(): Promise<void> {
    const { now, sleep, seed, mayGoOn } = this.#options
    const { callsPerMinute, speed } = this.latest
    const startMs = now()
    const durationSeconds = RUN_MINUTES_MAX * 60 * speed
    await play(simulate(seed(), { callsPerMinute, durationSeconds, startMs, speed }), this.#stage, {
      speed,
      now,
      signal: this.#stopped.signal,
      sleep: async (ms, signal) => {
        await sleep(Math.min(LOOK_MS, Math.max(TICK_MS, ms)), signal)
        this.#change({ seconds: ((now() - startMs) * speed) / 1000 })
        if (!mayGoOn()) this.stop()
      },
      onPlayed: (items) => this.#note(items),
    })
  }

  async #windDown(): Promise<void> {
    const { now, sleep } = this.#options
    // Whoever may not speak to observers can still end the calls: `call.ended` closes those too.
    const mute = this.latest.refusal?.permission === 'calls:publish'
    const rest = this.#unfinished.endAt(this.#last).filter((item) => !mute || 'ws' in item)
    this.#change({ phase: 'closing' })
    await play(
      rest.map((item) => ({ ...item, at: 0 })),
      this.#stage,
      {
        speed: 1,
        now,
        sleep,
        signal: new AbortController().signal,
        onPlayed: (items) => this.#note(items),
      },
    )
  }

  readonly #stage: Stage = {
    workspaceEvents: (events) =>
      sent('workspace', this.#options.switchboard.events.publish(events as readonly WorkspaceEventInput[])),
    callEvents: (sid, events) =>
      sent('observer', this.#options.switchboard.calls.publish(sid, events as readonly ObserverEventInput[])),
  }

  /** Takes note of what is on disk. */
  #note(items: readonly TimelineItem[]): void {
    let { events, calls, active } = this.latest
    for (const item of items) {
      this.#unfinished.take(item)
      this.#last = Math.max(this.#last, item.at)
      events += 1
      if (!('ws' in item)) continue
      if (item.ws.event_type === 'call.started') calls += 1
      if (item.ws.event_type === 'call.started') active += 1
      if (item.ws.event_type === 'call.ended') active -= 1
    }
    this.#change({ events, calls, active })
  }

  #change(change: Partial<Simulation>): void {
    this.set({ ...this.latest, ...change })
  }
}

class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.why)
  }
}

/** Remembers which of the two channels refused: what permission is missing follows from it. */
async function sent(channel: ChannelKind, publishing: Promise<unknown>): Promise<void> {
  try {
    await publishing
  } catch (error) {
    throw new Refused(refusalOf(error, channel))
  }
}

/** Whether somebody must agree before made-up events are written: unless it is known that there are no others. */
export function mustAsk({ phase, ...workspace }: WorkspaceSnapshot, { agreed }: Simulation): boolean {
  const { calls, operators, surfaces, sources } = workspace
  const empty = [calls, operators, surfaces, sources].every((records) => records.size === 0)
  return !agreed && !(phase === 'ready' && empty)
}
