import { Switchboard } from '@switchboard/sdk'
import type { Json, TestServer } from '../kit.js'
import { callEvent, workspaceEvent } from './events.js'

const BATCH = 10
/** Steps of publishing that a call lives, and its observer. */
const CALL_STEPS = 100
/** Of so many calls one is erased when it has ended. */
const CALLS_TO_ERASED = 10
/** Streams that are open together, each for so many steps: they come and go in turns. */
const STREAMS = 4
const STREAM_STEPS = 400
const ENDED = {
  event_type: 'call.ended',
  direction: 'inbound',
  duration_seconds: 2,
  completion_reason: 'completed',
  escalated: false,
}

/** Everybody who uses a server for a long time: publishers, streams, observers, and who erases. */
export class Use {
  published = 0
  delivered = 0
  observed = 0
  erased = 0
  readonly failures: string[] = []
  private readonly client: Switchboard
  private readonly ending = new AbortController()
  private readonly streams: AbortController[] = []
  private answerMs = 0
  private lagMs = 0

  constructor(private readonly server: TestServer) {
    this.client = new Switchboard({
      baseUrl: server.url,
      workspaceId: server.workspace,
      credential: server.adminKey,
    })
  }

  async step(step: number): Promise<void> {
    const { server } = this
    if (step % (STREAM_STEPS / STREAMS) === 0) {
      const stream = new AbortController()
      this.streams.push(stream)
      void this.listen(stream.signal)
      if (this.streams.length > STREAMS) this.streams.shift()?.abort()
    }
    const number = Math.floor(step / CALL_STEPS)
    const call = `CA${number.toString(16).padStart(32, '0')}`
    const since = performance.now()
    // The clock of this process says when it was published, and when it came back.
    await server.publish(Array.from({ length: BATCH }, (_, n) => workspaceEvent(`${step * BATCH + n} ${since}`)))
    this.answerMs = Math.max(this.answerMs, performance.now() - since)
    await server.publish([callEvent(`${step}`)], call)
    this.published += BATCH + 1
    if (step % CALL_STEPS === 0) void this.observe(call)
    if (step % CALL_STEPS === CALL_STEPS - 1) {
      await server.publish([{ ...ENDED, call_sid: call }])
      if (number % CALLS_TO_ERASED === 0) {
        await server.request('DELETE', `/v1/${server.workspace}/calls/${call}/data`)
        this.erased++
      }
    }
  }

  /** The longest that a publisher and a stream waited since this was asked for the last time. */
  worst(): { readonly 'answer ms': number; readonly 'lag ms': number } {
    const { answerMs, lagMs } = this
    this.answerMs = this.lagMs = 0
    return { 'answer ms': answerMs, 'lag ms': lagMs }
  }

  end(): void {
    this.ending.abort()
    for (const stream of this.streams) stream.abort()
  }

  /** Something comes, and every number follows the one before it. */
  private async listen(signal: AbortSignal): Promise<void> {
    let last: number | undefined
    await this.watch('a stream', signal, async () => {
      for await (const { event } of this.client.events.stream({ signal })) {
        const { error } = event as Json
        if (error === undefined) continue
        this.delivered++
        const [number = 0, publishedAt = 0] = String(error).split(' ').map(Number)
        this.lagMs = Math.max(this.lagMs, performance.now() - publishedAt)
        if (last !== undefined && number !== last + 1) this.failures.push(`a stream had ${number} after ${last}`)
        last = number
      }
    })
    if (last === undefined) this.nothingCame('a stream')
  }

  private async observe(call: string): Promise<void> {
    const { signal } = this.ending
    const before = this.observed
    await this.watch('an observer', signal, async () => {
      for await (const _ of this.client.calls.observe(call, { signal, history: 'all' })) this.observed++
    })
    if (this.observed === before) this.nothingCame('an observer')
  }

  /** One that was not there for long when all end may have had none. */
  private nothingCame(name: string): void {
    if (!this.ending.signal.aborted) this.failures.push(`${name} had nothing`)
  }

  private async watch(name: string, signal: AbortSignal, read: () => Promise<void>): Promise<void> {
    try {
      await read()
    } catch (error) {
      if (!signal.aborted) this.failures.push(`${name} gave up: ${(error as Error).message}`)
    }
  }
}
