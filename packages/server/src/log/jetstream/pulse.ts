import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream'
import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../../clock.js'
import { within } from './patience.js'

/** What the stream's leader says of it. */
export interface StreamState {
  readonly first: number
  readonly last: number
  /** False when there are no messages at all. */
  readonly hasMessages: boolean
  /** When the stream was made: its name may be the same, and it another. */
  readonly created: string
}

/** How often the leader is asked, in ms. */
const PULSE_MS = 1_000
/** An answer that takes longer is none, in ms. */
const ANSWER_MS_MAX = 1_500
/** A leader that has not heard of most of its peers for this long may be none any more, in ms; they speak every second. */
const ALONE_MS_MAX = 3_000
/** Without an answer for this long the stream takes nothing, in ms. */
const SILENT_MS_MAX = 3_000

/**
 * Asks the stream's leader again and again how far the stream has come. One question serves everybody who asks before it
 * is sent.
 */
export class Pulse {
  private asking: Promise<StreamState> | undefined
  private next: Promise<StreamState> | undefined
  private heardAt: number
  private latest: StreamState | undefined
  private cancel = () => {}
  private closed = false

  constructor(
    private readonly jsm: JetStreamManager,
    private readonly stream: string,
    private readonly clock: Clock,
    /** Told of every answer. */
    private readonly onState: (state: StreamState) => void,
  ) {
    this.heardAt = clock.monotonic()
    this.beat()
  }

  /** True while the leader answers, and so takes what is published. */
  get isAnswered(): boolean {
    return this.clock.monotonic() - this.heardAt < SILENT_MS_MAX
  }

  /** What it said last; undefined before its first answer. */
  get state(): StreamState | undefined {
    return this.latest
  }

  /** The state at a moment after the call. @throws SwitchboardError `unavailable` without an answer. */
  ask(): Promise<StreamState> {
    if (this.next) return this.next
    if (this.asking) {
      const following = this.asking.then(
        () => this.send(),
        () => this.send(),
      )
      this.next = following
      return following
    }
    return this.send()
  }

  close(): void {
    this.closed = true
    this.cancel()
  }

  private send(): Promise<StreamState> {
    this.next = undefined
    const asking = this.request().finally(() => {
      if (this.asking === asking) this.asking = undefined
    })
    this.asking = asking
    return asking
  }

  private async request(): Promise<StreamState> {
    const unanswered = (cause?: unknown) =>
      new SwitchboardError('unavailable', 'the stream has no leader that answers', { cause, retryAfterSeconds: 2 })
    let info: StreamInfo
    try {
      info = await within(this.clock, ANSWER_MS_MAX, this.jsm.streams.info(this.stream), () => {
        throw unanswered()
      })
    } catch (error) {
      throw error instanceof SwitchboardError ? error : unanswered(error)
    }
    if (!hasMajority(info)) throw unanswered()
    const { first_seq: first, last_seq: last, messages } = info.state
    this.heardAt = this.clock.monotonic()
    this.latest = { first, last, hasMessages: messages > 0, created: info.created }
    this.onState(this.latest)
    return this.latest
  }

  private beat(): void {
    if (this.closed) return
    // Whether it answers or not is kept; there is nobody to tell.
    this.ask().catch(() => {})
    this.cancel = this.clock.after(PULSE_MS, () => this.beat())
  }
}

/** A server that was cut off calls itself the leader for some seconds more, while another has taken over. */
function hasMajority({ cluster }: StreamInfo): boolean {
  const others = cluster?.replicas ?? []
  const heard = others.filter(({ active, offline }) => !offline && active / 1_000_000 < ALONE_MS_MAX).length
  return heard + 1 > (others.length + 1) / 2
}
