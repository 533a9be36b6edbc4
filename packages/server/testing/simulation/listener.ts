import assert from 'node:assert/strict'
import { type JsonObject, type Position, parsePosition, parseResumePoint } from '@switchboard/contract'
import type { StartPoint } from '../../src/fanout/resume.js'
import type { Condition } from './condition.js'
import { SECRET, type Wanted, wants } from './events.js'
import { type FrameReader, type Heard, MessageReader, SseReader } from './frames.js'
import type { Peer, SimulatedSocket } from './socket.js'
import type { TrueChannel, TrueEntry } from './truth.js'

/**
 * One subscriber, who comes back after each cut with the last position it was given, and holds what it is told against
 * what has become durable: everything its view lets through, in order, once; gaps that are true; nothing of another
 * channel, and nothing personal when it may not see that.
 */
export class Listener implements Peer {
  readonly id: number
  readonly channel: TrueChannel
  readonly wanted: Wanted
  #process: Condition | undefined
  readonly #note: (line: string) => void
  #reader: FrameReader = new SseReader()
  #point: StartPoint
  socket: SimulatedSocket | undefined
  isStalled = false
  /** Everything up to it is behind this subscriber; undefined until it has been told where it begins. */
  #through: number | undefined
  /** What it would come back with. */
  #lastId: string | undefined
  #newestAtConnect = 0
  #opened = false

  constructor(id: number, channel: TrueChannel, wanted: Wanted, point: StartPoint, note: (line: string) => void) {
    this.id = id
    this.channel = channel
    this.wanted = wanted
    this.#point = point
    this.#note = note
  }

  /** Where it asks this process to begin. */
  connecting(process: Condition): StartPoint {
    this.#process = process
    this.#reader = this.channel.channel.call === undefined ? new SseReader() : new MessageReader()
    this.#newestAtConnect = this.channel.newestSequence
    this.#opened = false
    const resumed = this.#lastId === undefined ? undefined : parseResumePoint(this.#lastId)
    this.#point = resumed ?? this.#point
    return this.#point
  }

  /** Takes nothing until it goes on. */
  stall(): void {
    this.isStalled = true
  }

  goOn(): void {
    this.isStalled = false
  }

  /** The first entry that it should have been told of and was not. */
  missing(): TrueEntry | undefined {
    if (this.#through === undefined) return this.channel.given[0]
    return this.channel.between(this.#through, Number.MAX_SAFE_INTEGER).find((entry) => wants(this.wanted, entry))
  }

  received(bytes: Buffer): void {
    for (const heard of this.#reader.take(bytes)) {
      this.#hear(heard)
      if (heard.kind !== 'beat' || heard.id !== undefined) this.#note(`L${this.id} ← ${describe(heard)}`)
    }
  }

  ended(): void {
    this.socket = undefined
    this.#note(`L${this.id} ended`)
  }

  #hear(heard: Heard): void {
    switch (heard.kind) {
      case 'opened':
        this.#open(heard.id, heard.resumed)
        break
      case 'gap':
        this.#gap(heard.gap, heard.id)
        break
      case 'entry':
        this.#entry(heard.id, heard.frame)
        break
      case 'beat':
        if (heard.id !== undefined) this.#position(heard.id)
        break
      case 'error':
        assert(
          heard.code === 'stream_unavailable' && this.#process?.isClosing,
          `L${this.id} was told ${heard.code} without a reason`,
        )
    }
  }

  #open(id: string, resumed: boolean | undefined): void {
    assert(!this.#opened, `L${this.id} was opened twice`)
    this.#opened = true
    const point = this.#point
    const at = parsePosition(id)
    switch (point.kind) {
      case 'live':
        assert(at, `L${this.id} begins live at ${id}`)
        assert(at.sequence >= this.#newestAtConnect, `L${this.id} begins live before what was acknowledged: ${id}`)
        assert(at.sequence <= this.channel.newestSequence, `L${this.id} begins live at what is not durable: ${id}`)
        break
      case 'after':
        assert(
          at?.sequence === point.position.sequence,
          `L${this.id} asked for ${point.position.sequence} and got ${id}`,
        )
        break
      case 'from':
        if (resumed === false) break // A gap follows, and says where it begins.
        for (const { position, isKept } of this.channel.given) {
          const isWanted = position.time >= point.time
          const isAfter = position.sequence > (at?.sequence ?? 0)
          // What follows is given whatever its time is, and more than that where times cannot be read.
          const mayFollow = !isKept || position.sequence > this.#newestAtConnect || this.channel.isDamaged
          assert(
            isWanted ? isAfter : !isAfter || mayFollow,
            `L${this.id} asked for ${point.time} on and begins at ${id}`,
          )
        }
        break
      default:
    }
    this.#lastId = id
    // Of an instant nothing is behind a subscriber before it knows where it begins.
    if (at) this.#through = at.sequence
  }

  #gap(gap: JsonObject, id: string | undefined): void {
    if (gap.code === 'history_damaged') {
      this.#damage(gap.damaged as { readonly from: number; readonly to: number }, id)
      return
    }
    const beyond = id === undefined ? undefined : parsePosition(id)
    assert(beyond, `L${this.id} was told of a gap without an end`)
    const before = this.#through ?? 0
    const isMadeUp = this.#point.kind === 'after' && !this.#isKnown(this.#point.position)
    if (gap.code === 'unknown_position') {
      assert(isMadeUp, `L${this.id} was told that its position is unknown, and it was given it`)
    } else {
      assert(gap.code === 'history_truncated', `L${this.id} was told ${gap.code}`)
      const lost = this.channel.between(Math.min(before, beyond.sequence - 1), beyond.sequence)
      assert(lost.length > 0, `L${this.id} was told of a gap from ${before} to ${beyond.sequence}, where nothing is`)
      const kept = lost.find(({ isKept }) => isKept)
      assert(kept === undefined, `L${this.id} was told that ${kept?.name} is lost, and it is kept`)
    }
    this.#lastId = id
    this.#through = beyond.sequence
  }

  /** It has no position to come back with: whoever is cut off after it is told again. */
  #damage({ from, to }: { readonly from: number; readonly to: number }, id: string | undefined): void {
    assert(id === undefined, `L${this.id} was told to go on behind damage, at ${id}`)
    const lost = this.channel.between(Math.max(from - 1, this.#through ?? 0), to)
    assert(lost.length > 0, `L${this.id} was told of damage from ${from} to ${to}, where nothing is`)
    const sound = lost.find(({ isDamaged, isKept }) => isKept && !isDamaged)
    assert(sound === undefined, `L${this.id} was told that ${sound?.name} is damaged, and it is not`)
    this.#assertNothingMissed(from - 1, `damage from ${from} on`)
    this.#through = to
  }

  #isKnown({ time, sequence }: Position): boolean {
    const entry = this.channel.at(sequence)
    // Of a damaged entry that was removed nobody knows the time any more, and a position that has another is not believed.
    const isForgotten = entry?.isDamaged && !entry.isKept
    return sequence === 0 || (entry?.position.time === time && !isForgotten)
  }

  #entry(id: string, frame: Buffer): void {
    const sequence = this.#sequenceOf(id)
    assert(sequence > (this.#through ?? 0), `L${this.id} was told of ${id} after ${this.#through}`)
    this.#assertNothingMissed(sequence - 1, id)
    const entry = this.channel.at(sequence) as TrueEntry
    assert(wants(this.wanted, entry), `L${this.id} was told of ${entry.name}, which it did not ask for`)
    const expected = this.wanted.masked ? this.channel.maskedOf(entry) : entry.frame
    assert(frame.equals(expected), `L${this.id} was told of ${entry.name} in other words:\n${frame}\n${expected}`)
    assert(!this.wanted.masked || !frame.includes(SECRET), `L${this.id} was shown personal data of ${entry.name}`)
    this.#lastId = id
    this.#through = sequence
  }

  /** A position without an event: nothing up to it is left to tell. Behind damage it still is the one before that. */
  #position(id: string): void {
    const sequence = this.#sequenceOf(id)
    const last = parsePosition(this.#lastId ?? '')?.sequence ?? 0
    assert(sequence >= last, `L${this.id} was given the position ${id} after ${last}`)
    this.#assertNothingMissed(sequence, id)
    this.#lastId = id
    this.#through = Math.max(this.#through ?? 0, sequence)
  }

  #assertNothingMissed(through: number, told: string): void {
    const missed = this.channel.between(this.#through ?? 0, through).find((entry) => wants(this.wanted, entry))
    assert(missed === undefined, `L${this.id} was told of ${told}, and never of ${missed?.name} before it`)
  }

  #sequenceOf(id: string): number {
    assert(this.#opened, `L${this.id} was told of ${id} before it was opened`)
    const position = parsePosition(id)
    assert(position, `L${this.id} was given the id ${id}`)
    assert(position.sequence <= this.channel.newestSequence, `L${this.id} was told of ${id}, which is not durable`)
    return position.sequence
  }
}

function describe(heard: Heard): string {
  if (heard.kind === 'gap') return `gap ${heard.gap.code} ${JSON.stringify(heard.gap.damaged) ?? ''} ${heard.id}`
  return heard.kind === 'error' ? heard.code : `${heard.kind} ${heard.id}`
}
