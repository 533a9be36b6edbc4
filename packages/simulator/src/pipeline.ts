import { uuid } from './ids.js'
import type { Random } from './random.js'
import { roundSeconds, type TimelineItem } from './timeline.js'

const ERRORS = [
  'GET /Appointment: 503 after 3 tries',
  'GET /Patient: timed out after 30 s',
  'POST /oauth/token: 401, the client secret was refused',
  'GET /Observation: connection reset by peer',
] as const

/** One data source that is polled for ever: mostly well, now and then down for some polls, and back with a backlog. */
export class DataSource {
  private readonly id: string
  private readonly everySeconds: number
  private failuresLeft = 0
  private missedPolls = 0
  private error: string
  /** When its next poll ends, in seconds since the start. */
  next: number

  constructor(private readonly random: Random) {
    this.id = uuid(random)
    this.everySeconds = random.between(25, 70)
    this.error = random.pick(ERRORS)
    this.next = roundSeconds(random.between(2, 20))
  }

  /** The poll that ends at `next`; afterwards `next` is the one after it. */
  poll(): TimelineItem {
    const at = this.next
    this.next = roundSeconds(at + this.everySeconds * this.random.between(0.95, 1.05))
    if (this.failuresLeft === 0 && this.missedPolls === 0 && this.random.chance(0.1)) {
      this.failuresLeft = this.random.whole(1, 4)
      this.error = this.random.pick(ERRORS)
    }
    if (this.failuresLeft > 0) {
      this.failuresLeft--
      this.missedPolls++
      return { at, ws: { event_type: 'pipeline.error', data_source_id: this.id, error: this.error } }
    }
    // After an outage everything that piled up comes at once. An empty poll is a good poll too.
    const events = this.random.chance(0.2) ? 0 : this.random.whole(1, 60) * (1 + this.missedPolls)
    this.missedPolls = 0
    const durationMs = Math.round(this.random.between(250, 900) + events * this.random.between(20, 45))
    return {
      at,
      ws: {
        event_type: 'pipeline.sync_completed',
        data_source_id: this.id,
        event_count: events,
        duration_ms: durationMs,
      },
    }
  }
}
