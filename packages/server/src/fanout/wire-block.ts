import { type Catalogue, mask } from '@switchboard/contract'
import { type Block, type Entry, encodeFrame, lineJson } from '../log/block.js'
import { socketFrame } from './framing.js'

/** One block's entries as socket bytes. Each form of an entry is made at most once, however many views ask for it. */
export class WireBlock {
  readonly block: Block
  readonly #catalogue: Catalogue
  readonly #entries: (Entry | undefined)[] = []
  readonly #clear: (Buffer | undefined)[] = []
  readonly #masked: (Buffer | undefined)[] = []

  constructor(block: Block, catalogue: Catalogue) {
    this.block = block
    this.#catalogue = catalogue
  }

  entry(index: number): Entry {
    this.#entries[index] ??= this.block.entry(index)
    return this.#entries[index]
  }

  /** The bytes of one entry for subscribers who may, or may not, see personal data. */
  frame(index: number, masked: boolean): Buffer {
    if (masked) {
      this.#masked[index] ??= this.#mask(index)
      return this.#masked[index]
    }
    this.#clear[index] ??= socketFrame(this.block.kind, this.block.frame(index))
    return this.#clear[index]
  }

  #mask(index: number): Buffer {
    const { kind } = this.block
    const { type, event, position } = this.entry(index)
    const masked = mask(this.#catalogue.get(kind, type), event)
    // Nothing personal in it: the frame that everybody shares will do.
    if (masked === event) return this.frame(index, false)
    return socketFrame(kind, Buffer.from(encodeFrame(kind, position, type, lineJson(masked))))
  }
}
