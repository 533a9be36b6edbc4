import { type Activity, type OpenStream, SwitchboardError } from '@switchboard/sdk'
import { expect, test } from 'vitest'
import { furthestFirst, REFRESH_MS, StreamsStore } from './streams-store.js'

const stream = (connection_id: string, lag: number, opened_at = '2026-01-05T09:00:00Z') =>
  ({ connection_id, lag, opened_at }) as OpenStream
const counted = (published: number): Activity => ({
  since: '2026-01-05T08:00:00Z',
  streams_open: 1,
  refusals: [],
  published,
})

/** A server that answers with what a test has put there, and time that passes when a test says so. */
function stand(...answers: (Activity | Error)[]) {
  const waiting = new Set<() => void>()
  let asked = 0
  let now = 0
  const store = new StreamsStore({
    switchboard: {
      streams: {
        async *list() {
          yield stream('a', 0)
        },
        watchers() {
          throw new Error('not asked here')
        },
        async activity() {
          const answer = answers[asked++]
          if (answer === undefined) throw new Error(`there is no answer ${asked}`)
          if (answer instanceof Error) throw answer
          return answer
        },
      },
    },
    frame: (run) => run(),
    now: () => now,
    wait(ms, signal) {
      expect(ms).toBe(REFRESH_MS)
      return new Promise((resolve) => {
        waiting.add(resolve)
        signal.addEventListener('abort', () => waiting.delete(resolve) && resolve())
      })
    },
  })
  const settled = () => new Promise(setImmediate)
  return {
    store,
    asked: () => asked,
    waiting,
    settled,
    async pass(ms: number) {
      now += ms
      const due = [...waiting]
      waiting.clear()
      for (const run of due) run()
      await settled()
    },
  }
}

test('two readings make a rate, and a count that fell makes none', async () => {
  const { store, settled, pass } = stand(counted(10), counted(30), counted(4))
  store.start()
  await settled()
  expect(store.get()).toMatchObject({ kind: 'ready', rate: undefined })
  await pass(2000)
  expect(store.get()).toMatchObject({ rate: 10 })
  await pass(2000)
  expect(store.get()).toMatchObject({ rate: undefined })
})

test('a reading that fails leaves what was there, says so, and is tried again', async () => {
  const { store, settled, pass } = stand(counted(1), new Error('no network'), counted(1))
  store.start()
  await settled()
  await pass(2000)
  expect(store.get()).toMatchObject({ kind: 'ready', stale: 'no network', streams: [{ connection_id: 'a' }] })
  await pass(2000)
  expect(store.get()).toMatchObject({ kind: 'ready', stale: undefined })
})

test('a missing permission is named, and not asked about again', async () => {
  const refusal = new SwitchboardError('forbidden', 'The credential lacks the permission audit:read.')
  const { store, settled, waiting } = stand(refusal)
  store.start()
  await settled()
  expect(store.get()).toEqual({ kind: 'denied', permission: 'audit:read' })
  expect(waiting.size).toBe(0)
})

test('nothing is asked once it has stopped, not even by a question that was under way', async () => {
  const { store, settled, asked, waiting } = stand(counted(1))
  store.start()
  store.stop()
  await settled()
  expect([asked(), waiting.size, store.get()]).toEqual([1, 0, { kind: 'loading' }])
})

test('the furthest behind comes first, then the older', () => {
  const ids = (streams: readonly OpenStream[]) => streams.map(({ connection_id }) => connection_id)
  const [old, young, behind] = [stream('old', 0, '2026-01-01'), stream('young', 0, '2026-01-02'), stream('behind', 9)]
  expect(ids(furthestFirst([young, old, behind]))).toEqual(['behind', 'old', 'young'])
})
