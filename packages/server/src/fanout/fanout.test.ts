import { builtinCatalogue, limits, type Position, parsePosition } from '@switchboard/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { noMeter } from '../meter.js'
import { TestClock } from './clock.test-kit.js'
import type { Cursor, CursorOptions, Sink } from './cursor.js'
import { createFanout, type Fanout } from './fanout.js'
import { callStarted, MemoryLog } from './memory-log.test-kit.js'
import { createView, type ViewRequest } from './view.js'

const channel = { workspace: 'w' }
const start: Position = { time: 0, sequence: 0 }

let log: MemoryLog
let fanout: Fanout

beforeEach(() => {
  log = new MemoryLog()
  fanout = createFanout({ log, catalogue: builtinCatalogue, meter: noMeter, clock: new TestClock() })
})
afterEach(() => fanout.close())

/** A socket that keeps what it is given and fills up when a test says so. */
class Reader implements Sink {
  readonly writes: Buffer[] = []
  full = false
  fillsAfterEachWrite = false
  #drain: () => void = () => {}

  write(bytes: Buffer): 'more' | 'full' {
    if (this.full) throw new Error('written to while full')
    this.writes.push(bytes)
    if (this.fillsAfterEachWrite) this.full = true
    return this.full ? 'full' : 'more'
  }

  onDrain(listener: () => void): void {
    this.#drain = listener
  }

  drain(): void {
    this.full = false
    this.#drain()
  }

  get text(): string {
    return Buffer.concat(this.writes).toString()
  }

  get sequences(): number[] {
    return [...this.text.matchAll(/^id: (\S+)$/gm)].map(([, id]) => parsePosition(id ?? '')?.sequence ?? -1)
  }
}

function open(sink: Sink, after = start, view: Partial<ViewRequest> = {}, more: Partial<CursorOptions> = {}): Cursor {
  return fanout.open(channel, {
    after,
    sink,
    view: createView(builtinCatalogue, 'workspace', { masked: false, ...view }),
    gapFrame: (gap, from) =>
      Buffer.from(`gap ${gap.code} ${gap.damaged?.from ?? ''}-${gap.damaged?.to ?? ''} ${from?.sequence ?? 'none'}\n`),
    onFailed: (code) => {
      throw new Error(code)
    },
    ...more,
  })
}

async function append(from: number, to: number): Promise<void> {
  const events = Array.from({ length: to - from + 1 }, (_, index) => callStarted(from + index))
  await log.append(channel, events)
}

async function until(fact: () => boolean): Promise<void> {
  for (let turns = 0; turns < 10_000; turns++) {
    if (fact()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error(`never came true: ${fact}`)
}

const oneTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)

describe('a cursor', () => {
  test('is given what is kept, and then what follows, once and in order', async () => {
    await append(1, 100)
    const reader = new Reader()
    open(reader)
    await until(() => reader.sequences.length === 100)
    await append(101, 103)
    await until(() => reader.sequences.length === 103)
    expect(reader.sequences).toEqual(oneTo(103))
  })

  for (const step of [1, 3]) {
    test(`crosses from the log to the tail without a seam while appends go on (sequences ${step} apart)`, async () => {
      log.step = step
      let seed = 12345
      const random = (below: number) => {
        seed = (seed * 1103515245 + 12345) & 0x7fffffff
        return seed % below
      }
      const turns = async (n: number) => {
        for (let turn = 0; turn < n; turn++) await new Promise((resolve) => setImmediate(resolve))
      }
      log.beforeRead = () => turns(random(3))
      log.afterRead = () => turns(random(3))
      const total = 600
      const readers: Reader[] = []
      const firsts = new Map<Reader, number>()
      let appended = 0
      while (appended < total) {
        const count = Math.min(total - appended, 1 + random(5))
        await append(appended + 1, appended + count)
        appended += count
        if (readers.length < 20 && random(3) === 0) {
          const reader = new Reader()
          reader.fillsAfterEachWrite = random(2) === 0
          readers.push(reader)
          // From any entry given so far, or from the beginning.
          const sequence = random(appended + 1) * step
          firsts.set(reader, sequence + step)
          open(reader, { time: log.time, sequence })
        }
        for (const reader of readers) if (reader.full && random(4) === 0) reader.drain()
        await turns(random(2))
      }
      await until(() => {
        for (const reader of readers) if (reader.full) reader.drain()
        return readers.every(({ sequences }) => sequences.at(-1) === total * step)
      })
      expect(readers.length).toBeGreaterThan(15)
      for (const reader of readers) {
        const first = firsts.get(reader) ?? 0
        const expected = Array.from({ length: total - first / step + 1 }, (_, index) => first + index * step)
        expect(reader.sequences).toEqual(expected)
      }
    })
  }

  test('pages a log that is far longer than one page before it takes to the tail', async () => {
    const filler = 'x'.repeat(4000)
    for (let n = 1; n <= 300; n++) await log.append(channel, [callStarted(n, { caller_id: filler })])
    const reader = new Reader()
    const cursor = open(reader)
    await until(() => cursor.position.sequence === 300)
    expect(log.reads).toBeGreaterThan(3)
    expect(reader.sequences).toEqual(oneTo(300))
  })

  test('that opens at the newest position misses nothing appended before its first turn', async () => {
    await append(1, 3)
    const { newest } = await log.bounds(channel)
    const reader = new Reader()
    open(reader, newest)
    await append(4, 5)
    await until(() => reader.sequences.length === 2)
    expect(reader.sequences).toEqual([4, 5])
  })

  test('shares its bytes with all who stand where it stands', async () => {
    const [a, b] = [new Reader(), new Reader()]
    open(a)
    open(b)
    await until(() => fanout.stats().cursorsBehind === 0)
    await append(1, 4)
    await until(() => a.writes.length > 0 && b.writes.length > 0)
    expect(a.writes).toHaveLength(1)
    expect(a.writes[0]).toBe(b.writes[0])
  })

  test('whose socket is full is given nothing, is no burden to others, and later has everything', async () => {
    const [slow, quick] = [new Reader(), new Reader()]
    open(slow)
    open(quick)
    await until(() => fanout.stats().cursorsBehind === 0)
    slow.fillsAfterEachWrite = true
    // Far more than a tail may hold.
    const filler = 'x'.repeat(4000)
    const total = 3000
    for (let n = 1; n <= total; n++) {
      await log.append(channel, [callStarted(n, { caller_id: filler })])
      if (n % 50 === 0) await until(() => quick.writes.at(-1)?.includes(`-${n}\n`) ?? false)
    }
    expect(slow.writes).toHaveLength(1)
    expect(fanout.stats().cursorsFull).toBe(1)
    // It holds what its one write told, and is that far behind.
    expect(fanout.stats().lagMax).toEqual({ workspace: total - (slow.sequences.at(-1) ?? 0), observer: 0 })
    expect(fanout.stats().tailBytes).toBeLessThanOrEqual(limits.tailBytesMax + limits.writeBytesMax)
    expect(quick.sequences).toEqual(oneTo(total))
    await until(() => {
      if (slow.full) slow.drain()
      return slow.writes.at(-1)?.includes(`-${total}\n`) ?? false
    })
    expect(slow.sequences).toEqual(oneTo(total))
    expect(fanout.stats().lagMax.workspace).toBe(0)
    for (const { length } of slow.writes) expect(length).toBeLessThanOrEqual(limits.writeBytesMax)
  })

  test('with a filter is given what passes, and its position moves on regardless', async () => {
    const reader = new Reader()
    const cursor = open(reader, start, { fields: { call_sid: [`CA${'2'.padStart(32, '0')}`] } })
    await until(() => fanout.stats().cursorsBehind === 0)
    await append(1, 5)
    await until(() => cursor.position.sequence === 5)
    expect(reader.sequences).toEqual([2])
    await append(6, 9)
    await until(() => cursor.position.sequence === 9)
    expect(reader.sequences).toEqual([2])
  })

  test('with a filter moves on through the log too', async () => {
    await append(1, 50)
    const reader = new Reader()
    const cursor = open(reader, start, { types: ['call.ended'] })
    await until(() => cursor.position.sequence === 50)
    expect(reader.writes).toEqual([])
  })

  test('is told of what retention removes before it comes to it', async () => {
    await append(1, 20)
    const reader = new Reader()
    log.drop(channel, 8)
    const cursor = open(reader, { time: log.time, sequence: 3 })
    await until(() => cursor.position.sequence === 20)
    expect(reader.text).toContain('gap history_truncated - 8\n')
    expect(reader.sequences).toEqual(oneTo(20).slice(8))
  })

  test('is told of a damaged range, and given everything around it', async () => {
    await append(1, 20)
    log.damage(channel, 5, 6)
    const reader = new Reader()
    const cursor = open(reader)
    await until(() => cursor.position.sequence === 20)
    expect(reader.text).toContain('gap history_damaged 5-6 none\n')
    expect(reader.sequences).toEqual(oneTo(20).filter((n) => n < 5 || n > 6))
    await append(21, 21)
    await until(() => cursor.position.sequence === 21)
  })

  test('that cannot read the log says so, once', async () => {
    await append(1, 3)
    log.failReads = new Error('disk gone')
    const codes: string[] = []
    open(new Reader(), start, {}, { onFailed: (code) => codes.push(code) })
    await until(() => codes.length > 0)
    expect(codes).toEqual(['stream_error'])
    expect(fanout.stats().cursors).toBe(0)
  })

  test('is given nothing after it was closed', async () => {
    const reader = new Reader()
    const cursor = open(reader)
    await until(() => fanout.stats().cursorsBehind === 0)
    await append(1, 1)
    cursor.close()
    await append(2, 2)
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(reader.writes).toEqual([])
    expect(fanout.stats()).toMatchObject({ channels: 0, cursors: 0, tailBytes: 0 })
  })

  test('whose sink throws ends alone', async () => {
    const codes: string[] = []
    const broken: Sink = {
      write() {
        throw new Error('broken')
      },
      onDrain() {},
    }
    const reader = new Reader()
    open(broken, start, {}, { onFailed: (code) => codes.push(code) })
    open(reader)
    await until(() => fanout.stats().cursorsBehind === 0)
    await append(1, 2)
    await until(() => reader.sequences.length === 2)
    expect(codes).toEqual(['stream_error'])
  })

  test('says when nothing is left, and when a watched type has gone by, live and in replay', async () => {
    for (const early of [true, false]) {
      const passed: string[] = []
      if (early) await append(1, 3)
      const reader = new Reader()
      let settled = 0
      const cursor = open(
        reader,
        start,
        {},
        {
          watch: { type: 'call.started', passed: () => passed.push('passed') },
          onSettled: () => {
            settled += 1
          },
        },
      )
      await until(() => settled > 0)
      if (!early) {
        passed.length = 0
        await append(4, 4)
        await until(() => cursor.position.sequence === 4)
      }
      expect(passed).toEqual(['passed'])
      const before = settled
      cursor.nudge()
      await until(() => settled > before)
    }
  })
})

describe('a reader without pii:read', () => {
  test('is given masked frames, live and from the log, and never another reader’s', async () => {
    await append(1, 2)
    const [masked, clear] = [new Reader(), new Reader()]
    open(masked, start, { masked: true })
    open(clear)
    await until(() => masked.sequences.length === 2 && clear.sequences.length === 2)
    await append(3, 4)
    await until(() => masked.sequences.length === 4 && clear.sequences.length === 4)
    expect(masked.text).not.toContain('+15550100')
    expect(masked.text.match(/"caller_id":"\[masked\]"/g)).toHaveLength(4)
    expect(clear.text.match(/"caller_id":"\+15550100"/g)).toHaveLength(4)
  })
})

describe('the tail', () => {
  test('of an erased channel forgets what it held, and its readers are told', async () => {
    const reader = new Reader()
    const cursor = open(reader)
    await until(() => fanout.stats().cursorsBehind === 0)
    await append(1, 3)
    await until(() => cursor.position.sequence === 3)
    await append(4, 4) // noted, and not yet taken in
    await log.erase(channel)
    fanout.forget(channel)
    expect(fanout.stats().tailBytes).toBe(0)
    await append(5, 5)
    await until(() => cursor.position.sequence === 5)
    expect(reader.sequences).toEqual([1, 2, 3, 5])
    expect(reader.text).toContain('gap history_truncated')
  })

  test('of an erased channel leaves nothing untold that came after the erasure', async () => {
    const reader = new Reader()
    const cursor = open(reader)
    await until(() => fanout.stats().cursorsBehind === 0)
    await append(1, 2)
    await until(() => cursor.position.sequence === 2)
    await log.erase(channel)
    await append(3, 3) // noted, and not yet taken in
    fanout.forget(channel)
    await until(() => reader.sequences.includes(3))
    expect(reader.sequences).toEqual([1, 2, 3])
  })

  test('is counted right when its last reader leaves in the middle of a turn, as an observer does at the end of a call', async () => {
    let cursor: Cursor | undefined
    const onSettled = () => {
      if (cursor?.position.sequence === 1) cursor.close()
    }
    cursor = open(new Reader(), start, {}, { onSettled })
    await until(() => fanout.stats().cursorsBehind === 0)
    await append(1, 1)
    await until(() => fanout.stats().cursors === 0)
    expect(fanout.stats()).toMatchObject({ channels: 0, tailBytes: 0 })
  })

  test('keeps many filtered views within the bounds of one channel', async () => {
    const cursors = Array.from({ length: 100 }, (_, n) =>
      open(new Reader(), start, { fields: { call_sid: [`CA${String(n).padStart(32, '0')}`, 'CAall'] } }),
    )
    await until(() => fanout.stats().cursorsBehind === 0)
    const event = callStarted(0, { call_sid: 'CAall', caller_id: 'x'.repeat(8000) })
    for (let n = 0; n < 200; n++) {
      await log.append(channel, [event])
      if (n % 10 === 0) await until(() => cursors.every(({ position }) => position.sequence === n + 1))
    }
    await until(() => cursors.every(({ position }) => position.sequence === 200))
    expect(fanout.stats().tailBytes).toBeLessThan(100 * (limits.tailBytesMin + 32 * 1024))
  })

  test('writes a large block within the limit of one write', async () => {
    const reader = new Reader()
    open(reader)
    await until(() => fanout.stats().cursorsBehind === 0)
    await log.append(
      channel,
      oneTo(50).map((n) => callStarted(n, { caller_id: 'x'.repeat(30_000) })),
    )
    await until(() => reader.sequences.length === 50)
    expect(reader.sequences).toEqual(oneTo(50))
    expect(Math.max(...reader.writes.map(({ length }) => length))).toBeLessThanOrEqual(limits.writeBytesMax)
  })

  test('is read by a newcomer without asking the log, when it reaches back far enough', async () => {
    const first = new Reader()
    open(first)
    await until(() => fanout.stats().cursorsBehind === 0)
    await append(1, 5)
    await until(() => first.sequences.length === 5)
    const reads = log.reads
    const second = new Reader()
    open(second, { time: log.time, sequence: 2 })
    await until(() => second.sequences.length === 3)
    expect(second.sequences).toEqual([3, 4, 5])
    expect(log.reads).toBe(reads)
  })
})
