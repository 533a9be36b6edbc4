import type { Block } from './block.js'
import type { Channel } from './channel.js'

type Follower = (channel: Channel, block: Block) => void

/** Who is told of new blocks. One that throws is reported, and harms nobody. */
export class Followers {
  private readonly followers = new Set<Follower>()

  constructor(private readonly onError: (error: unknown) => void) {}

  add(follower: Follower): () => void {
    this.followers.add(follower)
    return () => this.followers.delete(follower)
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
