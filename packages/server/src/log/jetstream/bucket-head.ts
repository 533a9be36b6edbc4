import type { JetStreamManager } from '@nats-io/jetstream'
import type { Clock } from '../../clock.js'
import { BUCKET_STREAM, BUCKET_SUBJECTS } from './bucket.js'
import { pause, within } from './patience.js'

/** An answer that takes longer is none, in ms. */
const ANSWER_MS_MAX = 1_500
/**
 * The time between an answer and the next question, in ms: strangers make us ask, with credentials that nobody knows, and
 * all of them together cost the servers no more than this.
 */
const APART_MS = 5

/**
 * Asks the stream's leader for the newest message of the bucket. One question serves everybody who asks before it is
 * sent, and none that was sent before: what was acknowledged by then is in the answer.
 */
export class BucketHead {
  private next: Promise<number> | undefined
  private ready: Promise<void> = Promise.resolve()

  constructor(
    private readonly jsm: JetStreamManager,
    private readonly clock: Clock,
  ) {}

  /** Its sequence, or 0 when there is none. @throws what the servers answer instead. */
  ask(): Promise<number> {
    if (this.next) return this.next
    const asked = this.ready.then(() => {
      this.next = undefined
      return this.request()
    })
    this.next = asked
    const apart = () => pause(this.clock, APART_MS)
    this.ready = asked.then(apart, apart)
    return asked
  }

  private async request(): Promise<number> {
    // The newest that is there: the stream's own count goes on when its last message is removed, and nobody is told of that.
    const newest = this.jsm.streams.getMessage(BUCKET_STREAM, { last_by_subj: BUCKET_SUBJECTS })
    const message = await within(this.clock, ANSWER_MS_MAX, newest, () => {
      throw new Error('the leader of the records does not answer')
    })
    return message?.seq ?? 0
  }
}
