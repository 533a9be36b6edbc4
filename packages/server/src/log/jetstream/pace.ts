import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../../clock.js'
import type { Fault } from '../log.js'
import { STALE_LEADER_MS } from './copy.js'
import { pause, within } from './patience.js'
import type { Pulse } from './pulse.js'
import type { Replica } from './replica.js'

/** How long catching up may take before it is said that it does not, in ms. */
const CATCH_UP_MS_MAX = 5_000
const AGAIN_MS = 100
/** A copy is behind when it misses messages for longer than this, in ms. */
const BEHIND_MS_MAX = 2_000
const NO_LEADER = 'The NATS servers do not answer, or have no leader.'

/** How a copy stands to its stream. */
export class Pace {
  private currentAt = Number.NEGATIVE_INFINITY
  private currentTo = Number.POSITIVE_INFINITY
  private wholeAt: number

  constructor(
    private readonly replica: Replica,
    private readonly pulse: Pulse,
    private readonly clock: Clock,
    /** The stream is not what this copy was made of. Told again and again. */
    private readonly onLost: (why: string) => void,
  ) {
    this.wholeAt = clock.monotonic()
  }

  /** Appends in the stream that the copy does not have yet, as far as it was told. */
  get behind(): number {
    return Math.max(0, (this.pulse.state?.last ?? 0) - this.replica.appliedSequence)
  }

  /** Why nothing can be acknowledged here now; undefined when it can. */
  get fault(): Fault | undefined {
    if (!this.pulse.isAnswered) return { code: 'unreachable', detail: NO_LEADER }
    const { behind } = this
    if (behind === 0 || this.clock.monotonic() - this.currentAt < BEHIND_MS_MAX) return undefined
    return { code: 'behind', detail: `this gateway is ${behind} appends behind the stream` }
  }

  /** To be called with every answer of the stream's leader. */
  beat(): void {
    const { state } = this.pulse
    if (state === undefined) return
    // It keeps pace when it has by now what there was a beat ago.
    const now = this.clock.monotonic()
    if (this.replica.appliedSequence >= this.currentTo) this.currentAt = now
    this.currentTo = state.last
    if (state.created !== this.replica.stream) {
      this.onLost('the stream was deleted and made anew')
    } else if (state.last >= this.replica.appliedSequence) {
      this.wholeAt = now
    } else if (now - this.wholeAt > STALE_LEADER_MS) {
      // Servers that acknowledge before they sync come back from a power cut without what was read of them, and give its
      // places to others. For a while, a leader that is none any more may look like that too.
      this.onLost('the stream has lost messages that it had acknowledged; what is left of it is served')
    }
  }

  /** See `Log.catchUp`. */
  async catchUp(): Promise<void> {
    const until = this.clock.monotonic() + CATCH_UP_MS_MAX
    for (;;) {
      // Whoever waits for a leader waits in vain for some seconds: it is said at once.
      if (!this.pulse.isAnswered) throw new SwitchboardError('unavailable', NO_LEADER, { retryAfterSeconds: 2 })
      try {
        const { last, hasMessages } = await this.pulse.ask()
        // All that there was has been removed: there is nothing to wait for.
        if (!hasMessages) this.replica.passOver(last)
        return await this.reach(last, Math.max(0, until - this.clock.monotonic()))
      } catch (error) {
        if (this.clock.monotonic() > until) throw error
        await pause(this.clock, AGAIN_MS)
      }
    }
  }

  private async reach(sequence: number, ms: number): Promise<void> {
    const reached = this.replica.reached(sequence)
    await within(this.clock, ms, reached.promise, () => {
      reached.cancel()
      const missing = sequence - this.replica.appliedSequence
      throw new SwitchboardError('unavailable', `This gateway is ${missing} appends behind.`, { retryAfterSeconds: 1 })
    })
  }
}
