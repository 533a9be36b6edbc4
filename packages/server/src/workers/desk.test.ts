import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { duplexPair } from '../../testing/duplex-pair.js'
import { Desk, type DeskOptions, UNANSWERED_PULSES_MAX, WAITING_BYTES_MAX } from './desk.js'
import { encodeNews, Line } from './line.js'
import type { ParentSide, WorkerSide } from './protocol.js'

const refuse = () => Promise.reject(new Error('not asked here'))
const calls: DeskOptions['calls'] = {
  append: refuse,
  erase: refuse,
  eraseData: refuse,
  retain: refuse,
  verify: refuse,
  put: refuse,
  delete: refuse,
  appendLedger: refuse,
  retainLedger: refuse,
  catchUp: refuse,
  takeSeat: refuse,
  receive: refuse,
  metrics: refuse,
  presence: refuse,
}

function deskOver(stream: Duplex) {
  const stuck: string[] = []
  const desk = new Desk(stream, { calls, hear() {}, onStuck: (why) => stuck.push(why), onClose() {} })
  return { desk, stuck }
}

/** A worker that is stopped: it takes nothing off. */
const stopped = () => new Duplex({ read() {}, write() {} })

test('a worker that takes nothing off is given up before more waits for it than the limit and one flush', async () => {
  const { desk, stuck } = deskOver(stopped())
  const frame = encodeNews<ParentSide>({
    kind: 'changed',
    change: { kind: 'k', key: 'x'.repeat(1024 * 1024), value: undefined },
  })
  for (let count = 0; count < 100; count++) {
    desk.tellFrame(frame)
    await new Promise(setImmediate)
  }
  expect(stuck).toEqual(['it is 32 MiB behind'])
  expect(desk.line.waitingBytes).toBeLessThanOrEqual(WAITING_BYTES_MAX + frame.length)
})

test('a worker that leaves its pulse unanswered is given up, once, and not while it is still starting', async () => {
  const { desk, stuck } = deskOver(stopped())
  for (let count = 0; count < 100; count++) desk.pulse()
  expect(stuck).toEqual([])
  desk.started()
  for (let count = 0; count < UNANSWERED_PULSES_MAX; count++) desk.pulse()
  expect(stuck).toEqual([])
  for (let count = 0; count < 5; count++) desk.pulse()
  expect(stuck).toEqual([`it has not answered for ${UNANSWERED_PULSES_MAX} s`])
})

test('a worker that answers now and then lives', async () => {
  const [near, far] = duplexPair()
  const { desk, stuck } = deskOver(near)
  let beats = 0
  const worker = new Line<WorkerSide, ParentSide>(far, {
    calls: {
      start: refuse,
      listen: refuse,
      stop: refuse,
      measure: async () => [],
      presence: refuse,
    },
    hear() {
      if (++beats % 5 === 0) worker.tell({ kind: 'pulse' })
    },
    onClose() {},
  })
  desk.started()
  for (let count = 0; count < 50; count++) {
    desk.pulse()
    // The worker answers behind all that it was told.
    await desk.line.ask('measure')
  }
  expect(beats).toBe(50)
  expect(stuck).toEqual([])
})
