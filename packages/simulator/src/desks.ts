import { uuid } from './ids.js'
import type { Random } from './random.js'
import { Script } from './script.js'
import { roundSeconds, type TimelineItem } from './timeline.js'

/** Seconds of a desk's time that are given to one call. */
interface Booking {
  readonly from: number
  until: number
}

/** One operator's working time, in seconds since the start. */
interface Shift {
  readonly from: number
  readonly until: number
  readonly bookings: Booking[]
}

interface Desk {
  readonly id: string
  readonly random: Random
  /** From the first to the last that somebody has asked about. */
  readonly shifts: Shift[]
  /** How many of them the timeline tells of. */
  told: number
}

/** An operator who is free for a call, from `from` on, for as long as was asked. */
export interface Reservation {
  readonly operatorId: string
  readonly from: number
  /** Gives back what is not needed: the operator is free again from this second on. */
  release(at: number): void
}

/** Time between two calls of one operator, so that `online` is told before the next `busy`. */
const BREATHER_SECONDS = 2
/** A shift's first and last seconds carry no call. */
const MARGIN_SECONDS = 1

/**
 * The operators of the simulated workspace. A desk works shifts with breaks between them; a call books a piece of a
 * shift, so nobody is on two calls at once and nobody leaves work during a call.
 */
export class Desks {
  private readonly desks: readonly Desk[]

  constructor(
    random: Random,
    count: number,
    private readonly isoAt: (at: number) => string,
  ) {
    this.desks = Array.from({ length: count }, (_, index) => {
      const own = random.fork(`desk ${index + 1}`)
      return { id: uuid(own), random: own, shifts: [], told: 0 }
    })
  }

  /** How each desk came to be: registered, then named by its place. */
  registrations(): readonly TimelineItem[] {
    return this.desks.flatMap((desk, index) => {
      const script = new Script(0.05 * index)
      script.ws({ event_type: 'operator.registered', operator_id: desk.id, timestamp: this.isoAt(script.now) })
      script.wait(0.02)
      const changes = { name: `Desk ${index + 1}` }
      script.ws({ event_type: 'operator.profile_updated', operator_id: desk.id, changes })
      return script.items
    })
  }

  /** The coming and going of each shift that begins before this second and has not been told yet. */
  shiftsBefore(horizon: number): readonly TimelineItem[] {
    const items: TimelineItem[] = []
    for (const desk of this.desks) {
      for (;;) {
        const shift = this.shift(desk, desk.told)
        if (shift.from >= horizon) break
        desk.told++
        items.push(statusItem(shift.from, desk.id, 'online'), statusItem(shift.until, desk.id, 'offline'))
      }
    }
    return items
  }

  /**
   * The first operator who has `needSeconds` free, beginning between `at` and `at + patienceSeconds`. Undefined when
   * there is none: the call then waits in vain.
   */
  reserve(at: number, patienceSeconds: number, needSeconds: number): Reservation | undefined {
    let best: { readonly desk: Desk; readonly shift: Shift; readonly from: number } | undefined
    for (const desk of this.desks) {
      for (const shift of this.shiftsFrom(desk, at, at + patienceSeconds)) {
        const from = firstGap(shift, at, needSeconds)
        if (from === undefined || from > at + patienceSeconds) continue
        if (best === undefined || from < best.from) best = { desk, shift, from }
      }
    }
    if (best === undefined) return undefined
    const booking: Booking = { from: best.from, until: best.from + needSeconds }
    best.shift.bookings.push(booking)
    best.shift.bookings.sort((a, b) => a.from - b.from)
    return {
      operatorId: best.desk.id,
      from: best.from,
      release(until) {
        booking.until = until
      },
    }
  }

  private *shiftsFrom(desk: Desk, from: number, to: number): Generator<Shift> {
    for (let index = 0; ; index++) {
      const shift = this.shift(desk, index)
      if (shift.from > to) return
      if (shift.until > from) yield shift
    }
  }

  /** The shift with this number, made when it is first asked for. */
  private shift(desk: Desk, index: number): Shift {
    for (;;) {
      const known = desk.shifts[index]
      if (known !== undefined) return known
      const last = desk.shifts.at(-1)
      // The first shifts begin at once, and have partly been worked, so that not everybody leaves together.
      const from = last === undefined ? desk.random.between(1, 6) : last.until + desk.random.between(90, 300)
      const length = last === undefined ? desk.random.between(240, 1200) : desk.random.between(900, 1800)
      desk.shifts.push({ from: roundSeconds(from), until: roundSeconds(from + length), bookings: [] })
    }
  }
}

function statusItem(at: number, operatorId: string, status: string): TimelineItem {
  return { at, ws: { event_type: 'operator.status_changed', operator_id: operatorId, status } }
}

function firstGap(shift: Shift, at: number, need: number): number | undefined {
  let from = Math.max(at, shift.from + MARGIN_SECONDS)
  for (const booking of shift.bookings) {
    if (from + need + BREATHER_SECONDS <= booking.from) break
    from = Math.max(from, booking.until + BREATHER_SECONDS)
  }
  return from + need + MARGIN_SECONDS <= shift.until ? roundSeconds(from) : undefined
}
