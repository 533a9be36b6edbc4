import type { Clock } from '../../clock.js'
import { STALE_LEADER_MS } from './copy.js'
import type { Replica } from './replica.js'

export interface AuditDeps {
  readonly replica: Pick<Replica, 'newest'>
  readonly clock: Clock
  /** The stream's time of a message by its leader's word, unix ms; undefined when it is not there, or nobody says. */
  readonly timeOf: (sequence: number) => Promise<number | undefined>
  /** Told, once, that the leader holds other messages than those that made the copy. */
  readonly onSplit: () => void
}

/** Between two looks, in ms. Each is one request. */
const AUDIT_MS = 2_000

/**
 * Looks again and again whether the leader holds, in the place of the newest message of a copy, that very message.
 *
 * The servers' copies of a stream should be the same, and are not always: of 2.9.10, a leader that was cut off for some
 * seconds comes back, believes for a moment that it still leads, and stores what has piled up for it in places that
 * another leader has given to other messages. Nobody says so. A gateway that is fed by that server has what others do not.
 */
export class Audit {
  /** Since when the leader has said otherwise, on the monotonic clock; undefined while it agrees. */
  private otherwiseSince: number | undefined
  private cancel = () => {}
  private isClosed = false

  constructor(private readonly deps: AuditDeps) {
    this.later()
  }

  close(): void {
    this.isClosed = true
    this.cancel()
  }

  private later(): void {
    if (!this.isClosed) this.cancel = this.deps.clock.after(AUDIT_MS, () => void this.look())
  }

  private async look(): Promise<void> {
    const { replica, clock, timeOf, onSplit } = this.deps
    const { sequence, time } = replica.newest
    const said = await timeOf(sequence)
    if (this.isClosed) return
    if (said === time) this.otherwiseSince = undefined
    else if (said !== undefined) this.otherwiseSince ??= clock.monotonic()
    // Who says otherwise may be a leader that is none any more, and does not know yet.
    const { otherwiseSince } = this
    if (otherwiseSince !== undefined && clock.monotonic() - otherwiseSince > STALE_LEADER_MS) {
      this.close()
      onSplit()
    }
    this.later()
  }
}
