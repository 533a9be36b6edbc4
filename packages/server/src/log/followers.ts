import type { Block } from './block.js'
import type { Channel } from './channel.js'
import type { Subject } from './subject.js'

type Follower = (channel: Channel, block: Block) => void
type ErasureListener = (workspace: string, subject: Subject) => void

/** Who is told of new blocks. One that throws is reported, and harms nobody. */
export class Followers {
  private readonly followers = new Set<Follower>()
  private readonly onErased = new Set<ErasureListener>()

  constructor(private readonly onError: (error: unknown) => void) {}

  add(follower: Follower): () => void {
    this.followers.add(follower)
    return () => this.followers.delete(follower)
  }

  addErased(listener: ErasureListener): () => void {
    this.onErased.add(listener)
    return () => this.onErased.delete(listener)
  }

  tellErased(workspace: string, subject: Subject): void {
    for (const listener of this.onErased) {
      try {
        listener(workspace, subject)
      } catch (error) {
        this.onError(error)
      }
    }
  }

  tell(blocks: readonly (readonly [Channel, Block])[]): void {
    for (const [channel, block] of blocks) {
      for (const follower of this.followers) {
        try {
          follower(channel, block)
        } catch (error) {
          this.onError(error)
        }
      }
    }
  }
}

/** Throws it where nobody catches it: what a listener throws is a bug. */
export function throwLater(error: unknown): void {
  setImmediate(() => {
    throw error
  })
}
