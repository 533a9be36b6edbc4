import type { Position } from '@switchboard/contract'

/** What a channel has given and what it keeps. It outlives all entries, so that no sequence is ever given twice (P2). */
export interface Head {
  readonly newest: Position
  readonly oldest: Position | undefined
  readonly removed: Position | undefined
}

/** A channel that never had an entry. */
export const EMPTY_HEAD: Head = { newest: { time: 0, sequence: 0 }, oldest: undefined, removed: undefined }

const POSITIONS = ['newest', 'oldest', 'removed'] as const

/** Three times and sequences as doubles; sequence 0 stands for none. */
export function encodeHead(head: Head): Buffer {
  const bytes = Buffer.alloc(POSITIONS.length * 16)
  POSITIONS.forEach((name, index) => {
    bytes.writeDoubleLE(head[name]?.time ?? 0, index * 16)
    bytes.writeDoubleLE(head[name]?.sequence ?? 0, index * 16 + 8)
  })
  return bytes
}

export function decodeHead(bytes: Buffer): Head {
  const [newest, oldest, removed] = POSITIONS.map((_, index) => ({
    time: bytes.readDoubleLE(index * 16),
    sequence: bytes.readDoubleLE(index * 16 + 8),
  })) as [Position, Position, Position]
  return {
    newest,
    oldest: oldest.sequence === 0 ? undefined : oldest,
    removed: removed.sequence === 0 ? undefined : removed,
  }
}
