import { type AuditRecord, SwitchboardError } from '@switchboard/sdk'
import { expect, test } from 'vitest'
import { TRAIL_PAGE, TrailStore, type TrailStoreOptions } from './trail-store.js'

const record = (sequence: number) => ({ sequence, action: 'stream.opened' }) as AuditRecord

/** A server with so many records; `failures` are thrown when a record of that number is asked for. */
function stand(count: number, failures = new Map<number, Error>(), wanted?: TrailStoreOptions['wanted']) {
  const asked: unknown[] = []
  const store = new TrailStore({
    frame: (run) => run(),
    ...(wanted && { wanted }),
    switchboard: {
      audit: {
        async *list(options) {
          asked.push(options)
          for (let sequence = count; sequence > 0; sequence--) {
            const failure = failures.get(sequence)
            if (failure) throw failure
            yield record(sequence)
          }
        },
      },
    },
  })
  const numbers = () => {
    const snapshot = store.get()
    return snapshot.kind === 'ready' ? snapshot.records.map(({ sequence }) => sequence) : snapshot.kind
  }
  return { store, asked, failures, numbers }
}

const down = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => from - index)

test('the newest records come first, and older ones when they are asked for', async () => {
  const { store, asked, numbers } = stand(120, undefined, { callSid: 'CA1' })
  await store.load()
  expect(numbers()).toEqual(down(120, 120 - TRAIL_PAGE + 1))
  // Twice in a row is once: a click too many shows nothing twice.
  await Promise.all([store.more(), store.more()])
  expect(numbers()).toEqual(down(120, 120 - 2 * TRAIL_PAGE + 1))
  await store.more()
  expect(numbers()).toEqual(down(120, 1))
  expect(store.get()).toMatchObject({ hasMore: false, busy: false })
  expect(asked).toEqual([{ callSid: 'CA1', order: 'newest', pageSize: TRAIL_PAGE }])
})

test('without the permission it is named, and without an answer it can be tried again', async () => {
  const { store, failures } = stand(
    3,
    new Map([[3, new SwitchboardError('forbidden', 'It lacks the permission audit:read.')]]),
  )
  await store.load()
  expect(store.get()).toEqual({ kind: 'denied', permission: 'audit:read' })
  failures.set(3, new Error('no network'))
  await store.load()
  expect(store.get()).toEqual({ kind: 'failed', why: 'no network' })
  failures.clear()
  await store.load()
  expect(store.get()).toMatchObject({ kind: 'ready', hasMore: false })
})

test('what is shown stays when the next page cannot be read', async () => {
  const { store, failures, numbers } = stand(80)
  await store.load()
  failures.set(10, new Error('no network'))
  await store.more()
  expect(numbers()).toEqual(down(80, 80 - TRAIL_PAGE + 1))
  expect(store.get()).toMatchObject({ wrong: 'no network', hasMore: false, busy: false })
  failures.clear()
  await store.load()
  expect(numbers()).toHaveLength(TRAIL_PAGE)
})
