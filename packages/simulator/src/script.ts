import type { JsonObject } from '@switchboard/contract'
import { roundSeconds, type TimelineItem } from './timeline.js'

/** Writes one thread of a story down, event after event. Its time only moves forward; its items may be out of order. */
export class Script {
  readonly items: TimelineItem[] = []
  /** Seconds since the start of the simulation. */
  now: number

  constructor(at: number) {
    this.now = roundSeconds(at)
  }

  wait(seconds: number): this {
    this.now = roundSeconds(this.now + seconds)
    return this
  }

  waitUntil(at: number): this {
    if (at > this.now) this.now = roundSeconds(at)
    return this
  }

  ws(event: JsonObject): this {
    this.items.push({ at: this.now, ws: event })
    return this
  }

  /** An event of the workspace stream at another second than now; the script stays where it is. */
  at(seconds: number, event: JsonObject): this {
    this.items.push({ at: roundSeconds(seconds), ws: event })
    return this
  }

  obs(callSid: string, event: JsonObject): this {
    this.items.push({ at: this.now, obs: event, call_sid: callSid })
    return this
  }
}
