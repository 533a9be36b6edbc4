import { SwitchboardError, type WorkspaceItem } from '@switchboard/sdk'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { FeedStreamOptions } from './feed.js'
import { Frames, item, Pushed, started } from './stand.test-kit.js'
import { type TimelineOptions, TimelineStore } from './timeline-store.js'

const call = (n: number) => item(n, started(`C${n}`))
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
const sequence = (id: string) => Number(id.split('-')[1])

/** A page over a log that has these events, and to which more come. */
async function open(past: readonly number[], options: Partial<TimelineOptions> = {}) {
  const log = past.map(call)
  const live = new Pushed<WorkspaceItem>()
  const frames = new Frames()
  const streams: FeedStreamOptions[] = []
  const lists: FeedStreamOptions[] = []
  const store = new TimelineStore({
    switchboard: {
      events: {
        list: async function* (asked: FeedStreamOptions) {
          lists.push(asked)
          const { after } = asked
          const isAfter = ({ id, time }: WorkspaceItem) =>
            typeof after === 'string' ? sequence(id) > sequence(after) : !after || time >= after.since
          yield* log.filter(isAfter)
        },
      },
    } as unknown as TimelineOptions['switchboard'],
    feed: {
      head: async () => log.at(-1)?.id ?? '0-0',
      stream(asked: FeedStreamOptions = {}) {
        streams.push(asked)
        return live.read()
      },
    },
    frame: frames.frame,
    filter: { types: ['call.*'] },
    ...options,
  })
  onTestFinished(() => store.stop())
  void store.start()
  const rest = async () => {
    for (let n = 0; n < 4; n++) await frames.draw()
  }
  await rest()
  const come = (from: number, to: number) => {
    const items = range(from, to).map(call)
    log.push(...items)
    live.push(...items)
  }
  const show = async () => {
    await rest()
    return store.get().shown.map(({ id }) => sequence(id))
  }
  return { store, show, come, streams, lists, log, live }
}

describe('at the end of the log', () => {
  test('begins with the newest that is kept, and goes on with what happens, each once', async () => {
    const { show, come, streams, lists } = await open(range(1, 3))
    expect(await show()).toEqual([1, 2, 3])
    expect(streams).toMatchObject([{ types: ['call.*'], after: call(3).id }])
    expect(lists[0]).toMatchObject({ types: ['call.*'] })
    come(4, 5)
    expect(await show()).toEqual([1, 2, 3, 4, 5])
  })

  test('of an empty log knows that there is nothing before', async () => {
    const { store } = await open([])
    expect(store.get()).toMatchObject({ items: [], atStart: true, isLive: true, loading: undefined })
  })

  test('stands still while it is held, counts what waits, and then has it', async () => {
    const { store, show, come } = await open([1, 2])
    store.pause()
    come(3, 6)
    expect(await show()).toEqual([1, 2])
    expect(store.get()).toMatchObject({ paused: true, waiting: 4 })
    store.resume()
    expect(await show()).toEqual([1, 2, 3, 4, 5, 6])
    expect(store.get()).toMatchObject({ paused: false, waiting: 0 })
  })

  test('holds no more than there is room for, paused or not, and what left can be read again', async () => {
    const { store, show, come } = await open([1, 2], { max: 3 })
    await store.loadOlder()
    await show()
    expect(store.get().atStart).toBe(true)
    come(3, 5)
    expect(await show()).toEqual([3, 4, 5])
    expect(store.get().atStart).toBe(false)
    store.pause()
    come(6, 20)
    await show()
    store.resume()
    expect(await show()).toEqual([18, 19, 20])
  })

  test('counts what came, so that who reads further down can be kept in place', async () => {
    const { store, show, come } = await open([1])
    const { arrived } = store.get()
    come(2, 4)
    await show()
    expect(store.get().arrived - arrived).toBe(3)
  })
})

describe('the past', () => {
  test('is read as far as a page goes, looking back further and further', async () => {
    const day = 24 * 3600
    const { store, show, lists } = await open([...range(1, 600), 30 * day])
    expect(await show()).toEqual([30 * day])
    await store.loadOlder()
    expect(await show()).toEqual([...range(101, 600), 30 * day])
    expect(store.get().atStart).toBe(false)
    await store.loadOlder()
    expect(await show()).toEqual([...range(1, 600), 30 * day])
    await store.loadOlder()
    await show()
    expect(store.get().atStart).toBe(true)
    const asked = lists.length
    await store.loadOlder()
    expect(lists).toHaveLength(asked)
  })

  test('is shown at a time, with what was before, and read on until it is the present', async () => {
    const { store, show, come, streams } = await open(range(1, 1200), { at: call(300).time })
    expect(await show()).toEqual(range(1, 799))
    expect(store.get()).toMatchObject({ isLive: false })
    expect(streams).toEqual([])
    await store.loadNewer()
    expect(await show()).toEqual(range(1, 1200))
    expect(store.get()).toMatchObject({ isLive: true })
    come(1201, 1202)
    expect(await show()).toEqual(range(1, 1202))
  })

  test('an event is found, held or not, and said to be gone when it is', async () => {
    const { store } = await open([1, 2, 40 * 24 * 3600])
    expect(await store.find(call(1).id)).toEqual(call(1))
    expect(await store.find(call(7).id)).toBeUndefined()
    expect(await store.find('no position')).toBeUndefined()
  })
})

test('a text is looked for in what is held and in what comes, in upper or lower case', async () => {
  const { store, show, come } = await open([1, 2, 3])
  store.search('"c2')
  expect(await show()).toEqual([2])
  come(4, 4)
  come(20, 22)
  expect(await show()).toEqual([2, 20, 21, 22])
  store.search('')
  expect(await show()).toEqual([1, 2, 3, 4, 20, 21, 22])
})

test('events that are no longer kept are told of, with where what is kept begins', async () => {
  const { store, streams, show } = await open([1])
  streams[0]?.onGap?.({
    code: 'history_truncated',
    requested: '1-1',
    oldest: call(9).id,
    newest: undefined,
    stateUrl: undefined,
  })
  await show()
  expect(store.get().gap).toEqual({ oldest: call(9).time.getTime() })
})

test('what arrives while older events push it out of the window is read again, and never stands behind a hole', async () => {
  const { store, show, come } = await open([...range(1, 600), ...range(9000, 9002)], { max: 600 })
  expect(await show()).toHaveLength(500)
  store.pause()
  come(9003, 9010)
  await show()
  await store.loadOlder()
  await show()
  expect(store.get()).toMatchObject({ isLive: false, paused: false, waiting: 0 })
  store.resume()
  const before = await show()
  await store.loadNewer()
  const after = await show()
  expect(before.at(-1)).toBeLessThan(9003)
  expect(after.slice(-11)).toEqual(range(9000, 9010))
})

test('the first events are asked for again until the server answers, and not when they may not be read', async () => {
  const failures = ['connection_failed', 'forbidden']
  const waits: number[] = []
  const { store, show } = await open([], {
    feed: {
      head: async () => {
        throw new SwitchboardError(failures.shift() ?? '', 'no')
      },
      stream: () => new Pushed<WorkspaceItem>().read(),
    },
    now: () => 0,
    wait: async (ms) => void waits.push(ms),
  })
  await show()
  expect(waits).toEqual([5000])
  expect(store.get().connection).toMatchObject({ kind: 'stopped', code: 'forbidden' })
})
