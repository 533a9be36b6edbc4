import { NUMBER_BASE, SENT_BASE } from './events.js'

/** Stand for a number and a moment in the text of a request. They have as many digits as what takes their place. */
export const NUMBER_PLACE = 8_888_888_888
export const SENT_PLACE = 7_777_777_777_777_777

const ZERO = 48

/** A request that is the same but for the digits of its numbers and moments: nothing is made anew for each but its bytes. */
export class Template {
  private readonly bytes: Buffer
  private readonly numberPlaces: readonly number[]
  private readonly sentPlaces: readonly number[]

  /** @throws Error when the text has not as many places as there are events in it. */
  constructor(text: string, events: number) {
    this.bytes = Buffer.from(text, 'latin1')
    this.numberPlaces = placesOf(text, String(NUMBER_PLACE))
    this.sentPlaces = placesOf(text, String(SENT_PLACE))
    if (this.numberPlaces.length !== events || this.sentPlaces.length !== events) {
      throw new Error(`a request of ${events} events has places for ${this.numberPlaces.length}`)
    }
  }

  /** @param first The number of its first event; the others go on from there. */
  fill(first: number, sent: number): Buffer {
    const bytes = Buffer.from(this.bytes)
    for (const [index, place] of this.numberPlaces.entries()) putDigits(bytes, place, first + index, NUMBER_BASE)
    for (const place of this.sentPlaces) putDigits(bytes, place, sent, SENT_BASE)
    return bytes
  }
}

function placesOf(text: string, place: string): number[] {
  const places: number[] = []
  for (let at = text.indexOf(place); at >= 0; at = text.indexOf(place, at + place.length)) places.push(at)
  return places
}

/** @param base The least that has as many digits. */
function putDigits(bytes: Buffer, at: number, value: number, base: number): void {
  let rest = value
  for (let unit = base, place = at; unit >= 1; unit /= 10, place++) {
    const digit = Math.floor(rest / unit)
    bytes[place] = ZERO + digit
    rest -= digit * unit
  }
}
