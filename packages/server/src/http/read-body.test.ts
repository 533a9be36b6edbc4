import { PassThrough } from 'node:stream'
import { limits, SwitchboardError } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../clock.js'
import { bodyPieces, readBody } from './read-body.js'

/** A clock that stands until it is told to go on. */
class HeldClock implements Clock {
  private time = 0
  private readonly timers = new Set<{ at: number; task: () => void }>()
  now = (): number => this.time
  monotonic = (): number => this.time
  after(ms: number, task: () => void): () => void {
    const timer = { at: this.time + ms, task }
    this.timers.add(timer)
    return () => this.timers.delete(timer)
  }
  pass(ms: number): void {
    this.time += ms
    for (const timer of [...this.timers]) {
      if (timer.at > this.time || !this.timers.delete(timer)) continue
      timer.task()
    }
  }
  get waiting(): number {
    return this.timers.size
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function codeOf(reading: Promise<unknown>): Promise<string> {
  try {
    await reading
    return 'read'
  } catch (error) {
    return error instanceof SwitchboardError ? error.code : String(error)
  }
}

async function gather(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}

type Bounds = Parameters<typeof readBody>[1]
const ways = [
  ['whole', (source: PassThrough, bounds: Bounds) => readBody(source, bounds)],
  ['in pieces', (source: PassThrough, bounds: Bounds) => gather(bodyPieces(source, bounds))],
] as const

describe.each(ways)('a body read %s', (_, read) => {
  const bounds = (more: Partial<Bounds> = {}): Bounds => ({
    clock: systemClock,
    bytesMax: 10,
    declaredBytes: undefined,
    ...more,
  })

  test('is what was sent, up to the limit', async () => {
    const source = new PassThrough()
    const reading = read(source, bounds())
    source.write('01234')
    source.end('56789')
    expect((await reading).toString()).toBe('0123456789')
  })

  test('is refused before a byte of it when it says that it is too large', async () => {
    expect(await codeOf(read(new PassThrough(), bounds({ declaredBytes: 11 })))).toBe('body_too_large')
  })

  test('is refused when it turns out to be too large', async () => {
    const source = new PassThrough()
    const reading = codeOf(read(source, bounds()))
    source.write('0123456789')
    source.write('x')
    expect(await reading).toBe('body_too_large')
  })

  test('is given up when it pauses for too long', async () => {
    const clock = new HeldClock()
    const source = new PassThrough()
    const reading = codeOf(read(source, bounds({ clock })))
    source.write('0')
    await turn()
    clock.pass(limits.bodyIdleMsMax - 1)
    source.write('1')
    await turn()
    clock.pass(limits.bodyIdleMsMax - 1)
    source.write('2')
    await turn()
    clock.pass(limits.bodyIdleMsMax)
    expect(await reading).toBe('request_timeout')
    expect(clock.waiting).toBe(0)
  })

  test('is given up when it drips for too long', async () => {
    const clock = new HeldClock()
    const source = new PassThrough()
    const reading = codeOf(read(source, bounds({ clock, bytesMax: 10_000 })))
    for (let ms = 0; ms <= limits.bodyMsMax; ms += 10_000) {
      source.write('x')
      await turn()
      clock.pass(10_000)
    }
    expect(await reading).toBe('request_timeout')
  })

  test('that is cut off is a bad request', async () => {
    const source = new PassThrough()
    const reading = codeOf(read(source, bounds()))
    source.write('0')
    await turn()
    source.destroy()
    expect(await reading).toBe('bad_request')
  })
})

test('nothing more is read while a piece is being dealt with, and that is no pause of the producer', async () => {
  const clock = new HeldClock()
  const source = new PassThrough({ highWaterMark: 4 })
  const pieces = bodyPieces(source, { clock, bytesMax: 100, declaredBytes: undefined })
  source.write('aaaa')
  expect((await pieces.next()).value?.toString()).toBe('aaaa')
  clock.pass(limits.bodyIdleMsMax * 2)
  expect(source.write('bbbb')).toBe(false)
  source.write('cccc')
  await turn()
  expect(source.readableLength).toBeGreaterThan(0)
  source.end()
  expect((await gather(pieces)).toString()).toBe('bbbbcccc')
})

test('pieces of all sizes, in any order, make the body that was sent', async () => {
  const sizes = [1, 1, 511, 3, 4096, 2, 5000, 1, 100_000, 7, ...new Array<number>(3000).fill(1), 4095, 4097]
  const sent = Buffer.from(Array.from({ length: sizes.reduce((sum, size) => sum + size) }, (_, at) => at % 251))
  const source = new PassThrough()
  const reading = readBody(source, { clock: systemClock, bytesMax: sent.length, declaredBytes: undefined })
  let at = 0
  for (const size of sizes) {
    source.write(sent.subarray(at, at + size))
    at += size
  }
  source.end()
  expect((await reading).equals(sent)).toBe(true)
})

test('an empty body is read as one', async () => {
  const source = new PassThrough()
  const reading = readBody(source, { clock: systemClock, bytesMax: 10, declaredBytes: undefined })
  source.end()
  expect((await reading).length).toBe(0)
})

test('a body that is all there already is taken at once, and the request goes on to its end', async () => {
  const source = new PassThrough()
  source.write('{"a":')
  source.write('1}')
  const ended = new Promise((resolve) => source.once('end', resolve))
  const clock = { ...systemClock, after: () => expect.unreachable('there is nothing to wait for') }
  expect((await readBody(source, { clock, bytesMax: 10, declaredBytes: 7 })).toString()).toBe('{"a":1}')
  source.end()
  await ended
})
