import { type Catalogue, limits, type Position } from '@switchboard/contract'
import type { Block } from '../log/block.js'
import type { View } from './view.js'
import { WireBlock } from './wire-block.js'

/** What a page of the log means for one cursor, in order. */
export type ReplayStep =
  /** Hand over `bytes` (none when nothing passed the view); then the cursor stands at `reached`. */
  | {
      readonly kind: 'entries'
      readonly bytes: Buffer | undefined
      readonly count: number
      readonly types: readonly string[]
      readonly reached: Position
    }
  /** These sequences cannot be read. */
  | { readonly kind: 'damaged'; readonly from: number; readonly to: number }

/**
 * Cuts a page into writes of at most `limits.writeBytesMax`. Lazy: a caller whose socket fills up stops asking, and
 * nothing of the page is kept for it.
 */
export function* replay(
  catalogue: Catalogue,
  view: View,
  blocks: readonly Block[],
  after: number,
): Generator<ReplayStep, void, undefined> {
  let write = new Gathered()
  for (const block of blocks) {
    if (block.damaged) {
      if (block.last <= after) continue
      if (write.reached) yield write.step(write.reached)
      write = new Gathered()
      yield { kind: 'damaged', from: Math.max(block.first, after + 1), to: block.last }
      continue
    }
    const wire = new WireBlock(block, catalogue)
    for (let index = block.indexAfter(after); index < block.count; index++) {
      if (view.passes === undefined || view.passes(wire.entry(index))) {
        const frame = wire.frame(index, view.masked)
        if (write.bytes > 0 && write.bytes + frame.length > limits.writeBytesMax) {
          yield write.step(write.reached as Position)
          write = new Gathered()
        }
        write.add(frame, block.types[index] as string)
      }
      write.reached = block.position(index)
    }
  }
  if (write.reached) yield write.step(write.reached)
}

/** One write in the making. Frames that lie side by side in memory, as those of a block do, stay one piece. */
class Gathered {
  readonly #pieces: Buffer[] = []
  readonly #types: string[] = []
  bytes = 0
  reached: Position | undefined

  add(frame: Buffer, type: string): void {
    const last = this.#pieces[this.#pieces.length - 1]
    if (last !== undefined && last.buffer === frame.buffer && last.byteOffset + last.length === frame.byteOffset) {
      this.#pieces[this.#pieces.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + frame.length)
    } else {
      this.#pieces.push(frame)
    }
    this.#types.push(type)
    this.bytes += frame.length
  }

  step(reached: Position): ReplayStep {
    const [first] = this.#pieces
    const bytes = this.#pieces.length > 1 ? Buffer.concat(this.#pieces, this.bytes) : first
    return { kind: 'entries', bytes, count: this.#types.length, types: this.#types, reached }
  }
}
