import { type Catalogue, type ChannelKind, limits } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import { channelKind } from '../log/block.js'
import type { Channel, Log } from '../log/log.js'
import type { Meter } from '../meter.js'
import { ChannelCursor, type Cursor, type CursorOptions } from './cursor.js'
import { Tail } from './tail.js'
import { createTurns } from './turns.js'

export interface FanoutStats {
  /** Channels that somebody subscribes to. */
  readonly channels: number
  readonly cursors: number
  /** Cursors that read the log, being behind the tail. */
  readonly cursorsBehind: number
  /** Cursors whose socket takes nothing at the moment. */
  readonly cursorsFull: number
  /** Memory held by recent frames. */
  readonly tailBytes: number
  /** How many sequences the slowest cursor of each kind stands behind what the log has told of its channel. */
  readonly lagMax: Readonly<Record<ChannelKind, number>>
}

/** Brings the entries of channels to those who subscribe to them. */
export interface Fanout {
  /**
   * Subscribes: everything after a position that the view lets through, then what follows live, without a seam. The
   * first write comes on a later turn.
   */
  open(channel: Channel, options: CursorOptions): Cursor
  /** Drops the frames held of a channel. To be called after its erasure. */
  forget(channel: Channel): void
  stats(): FanoutStats
  /** Closes all cursors and stops following the log. */
  close(): void
}

export interface FanoutDependencies {
  readonly log: Log
  readonly catalogue: Catalogue
  readonly meter: Meter
  readonly clock: Clock
}

/** What one turn has handed over, counted together: a meter call per write would cost as much as the write's share of work. */
interface Tally {
  events: number
  bytes: number
}

export function createFanout({ log, catalogue, meter, clock }: FanoutDependencies): Fanout {
  const tails = new Map<string, Tail>()
  const noted = new Map<Tail, number>()
  let awake = new Set<ChannelCursor>()
  /** Bytes of each tail, and of all, when they were last counted. */
  const counted = new Map<Tail, number>()
  let tailBytes = 0
  const tallies: Record<ChannelKind, Tally> = {
    workspace: { events: 0, bytes: 0 },
    observer: { events: 0, bytes: 0 },
  }
  const turns = createTurns(clock, turn)

  const unhear = log.onErased((workspace, subject) => {
    forget({ workspace })
    if (subject.kind === 'call') forget({ workspace, call: subject.id })
  })
  const unfollow = log.follow((channel, block) => {
    const tail = tails.get(keyOf(channel))
    if (tail === undefined) return
    tail.note(block)
    if (!noted.has(tail)) noted.set(tail, clock.monotonic())
    turns.request()
  })

  function turn(): void {
    const cursors = awake
    awake = new Set()
    for (const [tail, notedAt] of noted) {
      const news = tail.takeIn(tailBytes >= limits.tailsBytesMax)
      count(tail)
      for (const withNews of news) {
        for (const cursor of withNews) flush(cursor)
        meter.deliveryLag(tail.kind, (clock.monotonic() - notedAt) / 1000)
      }
    }
    noted.clear()
    for (const cursor of cursors) flush(cursor)
    report()
  }

  /** To be called after a change. Not by differences: a cursor may leave in the middle of one, while it is written to. */
  function count(tail: Tail): void {
    const { bytes } = tail
    tailBytes += bytes - (counted.get(tail) ?? 0)
    if (tail.empty) counted.delete(tail)
    else counted.set(tail, bytes)
  }

  function flush(cursor: ChannelCursor): void {
    try {
      cursor.flush()
    } catch (error) {
      // One subscriber's trouble is not the others'.
      cursor.fail('stream_error', error)
    }
  }

  function forget(channel: Channel): void {
    const tail = tails.get(keyOf(channel))
    if (tail === undefined) return
    tail.forget()
    count(tail)
    // What was noted and not taken in is theirs to read from the log, and nothing else would tell them.
    for (const cursor of tail.cursors()) awake.add(cursor)
    turns.request()
  }

  function report(): void {
    for (const kind of ['workspace', 'observer'] as const) {
      const tally = tallies[kind]
      if (tally.bytes === 0) continue
      meter.delivered(kind, tally.events, tally.bytes)
      tally.events = 0
      tally.bytes = 0
    }
  }

  function open(channel: Channel, options: CursorOptions): Cursor {
    const key = keyOf(channel)
    const kind = channelKind(channel)
    const tail = tails.get(key) ?? new Tail(kind, catalogue)
    tails.set(key, tail)
    const audience = tail.audience(options.view)
    const cursor = new ChannelCursor(
      {
        channel,
        log,
        catalogue,
        ring: audience.ring,
        wake(woken) {
          awake.add(woken)
          turns.request()
        },
        leave(leaving) {
          awake.delete(leaving)
          tail.leave(audience, leaving)
          count(tail)
          if (tail.empty) tails.delete(key)
        },
        delivered(events, bytes) {
          tallies[kind].events += events
          tallies[kind].bytes += bytes
          // What a reader of the log is given is counted too, on the next turn.
          turns.request()
        },
        gap: () => meter.gap(kind),
      },
      options,
    )
    audience.cursors.add(cursor)
    cursor.nudge()
    return cursor
  }

  return {
    open,
    forget,
    stats() {
      let cursors = 0
      let cursorsBehind = 0
      let cursorsFull = 0
      const lagMax: Record<ChannelKind, number> = { workspace: 0, observer: 0 }
      for (const tail of tails.values()) {
        for (const { kind, position } of tail.cursors()) {
          cursors += 1
          if (kind === 'reading-log') cursorsBehind += 1
          if (kind === 'socket-full') cursorsFull += 1
          lagMax[tail.kind] = Math.max(lagMax[tail.kind], tail.newest - position.sequence)
        }
      }
      return { channels: tails.size, cursors, cursorsBehind, cursorsFull, tailBytes, lagMax }
    },
    close() {
      unfollow()
      unhear()
      turns.stop()
      for (const tail of [...tails.values()]) for (const cursor of [...tail.cursors()]) cursor.close()
      report()
    },
  }
}

/** Ids never hold a control character, so no two channels share a key. */
function keyOf({ workspace, call }: Channel): string {
  return call === undefined ? workspace : `${workspace}\n${call}`
}
