import { type Catalogue, type ChannelKind, limits } from '@switchboard/contract'
import type { Block } from '../log/block.js'
import type { ChannelCursor } from './cursor.js'
import { Ring } from './ring.js'
import type { View } from './view.js'
import { WireBlock } from './wire-block.js'

/** One view of a channel, with everybody who has it. */
export interface Audience {
  readonly view: View
  readonly ring: Ring
  readonly cursors: Set<ChannelCursor>
}

/**
 * A channel's recent entries, as each view that somebody has lets them through. It exists while somebody subscribes.
 * Blocks are only noted when the log tells of them, and encoded on the fan-out's own turn: an append is never held up
 * by its subscribers.
 */
export class Tail {
  readonly kind: ChannelKind
  readonly #catalogue: Catalogue
  readonly #audiences = new Map<string, Audience>()
  #incoming: Block[] = []
  #newest = 0

  constructor(kind: ChannelKind, catalogue: Catalogue) {
    this.kind = kind
    this.#catalogue = catalogue
  }

  /** The newest sequence that the log has told of since somebody subscribes; 0 before that. */
  get newest(): number {
    return this.#newest
  }

  get empty(): boolean {
    return this.#audiences.size === 0
  }

  get bytes(): number {
    let bytes = 0
    for (const { ring } of this.#audiences.values()) bytes += ring.bytes
    return bytes
  }

  *cursors(): Generator<ChannelCursor> {
    for (const { cursors } of this.#audiences.values()) yield* cursors
  }

  audience(view: View): Audience {
    let audience = this.#audiences.get(view.key)
    if (audience === undefined) {
      audience = { view, ring: new Ring(), cursors: new Set() }
      this.#audiences.set(view.key, audience)
    }
    return audience
  }

  leave(audience: Audience, cursor: ChannelCursor): void {
    audience.cursors.delete(cursor)
    if (audience.cursors.size === 0) this.#audiences.delete(audience.view.key)
  }

  /** Notes a block that the log has just made durable. */
  note(block: Block): void {
    if (block.count === 0) return
    this.#incoming.push(block)
    this.#newest = block.last
  }

  /**
   * Takes in what was noted, and answers the cursors that have something new to hand over.
   * @param crowded True when all tails together hold their maximum: this one then keeps only the least.
   */
  takeIn(crowded: boolean): ReadonlySet<ChannelCursor>[] {
    const blocks = this.#incoming
    if (blocks.length === 0) return []
    this.#incoming = []
    const wires = blocks.map((block) => new WireBlock(block, this.#catalogue))
    const share = crowded ? 0 : limits.tailBytesMax / this.#audiences.size
    const withNews: ReadonlySet<ChannelCursor>[] = []
    for (const audience of this.#audiences.values()) {
      try {
        if (offer(audience, wires)) withNews.push(audience.cursors)
        audience.ring.trim(Math.max(limits.tailBytesMin, share))
      } catch (error) {
        // A mistake of ours in one view: its subscribers resume from the log, the others notice nothing.
        for (const cursor of [...audience.cursors]) cursor.fail('stream_error', error)
      }
    }
    return withNews
  }

  /** Forgets all frames: those of an erased channel may not stay in memory. Cursors go on with what comes next. */
  forget(): void {
    const blocks = this.#incoming
    this.#incoming = []
    for (const { ring } of this.#audiences.values()) {
      // What was noted and is now not taken in must be read from the log, if it is still there.
      for (const block of blocks) ring.examine(block)
      ring.forget()
    }
  }
}

/** Pushes what the view lets through. True when that was anything. */
function offer({ view, ring }: Audience, wires: readonly WireBlock[]): boolean {
  let news = false
  for (const wire of wires) {
    const { block } = wire
    const whole = view.passes === undefined && !view.masked && block.kind === 'workspace'
    if (whole) {
      ring.pushBlock(block)
      news = true
    } else {
      for (let index = 0; index < block.count; index++) {
        if (view.passes !== undefined && !view.passes(wire.entry(index))) continue
        ring.push(wire.frame(index, view.masked), block.position(index), block.types[index] as string)
        news = true
      }
    }
    ring.examine(block)
  }
  return news
}
