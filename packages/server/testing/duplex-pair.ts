import { Duplex } from 'node:stream'

/** Two ends of a pipe in one process: what is written to one is read from the other, in order and not in the same turn. */
export function duplexPair(): [Duplex, Duplex] {
  const first = new End()
  const second = new End(first)
  first.other = second
  return [first, second]
}

class End extends Duplex {
  private taken: (() => void) | undefined

  constructor(public other?: End) {
    super()
  }

  override _read(): void {
    const taken = this.taken
    this.taken = undefined
    taken?.()
  }

  override _write(bytes: Buffer, _: BufferEncoding, done: () => void): void {
    setImmediate(() => {
      if (this.other === undefined || this.other.destroyed) return done()
      if (this.other.push(bytes)) done()
      else this.other.taken = done
    })
  }

  override _final(done: () => void): void {
    this.other?.push(null)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    done(error)
    if (this.other !== undefined && !this.other.destroyed) this.other.destroy()
  }
}
