import { SwitchboardError } from '@switchboard/sdk'
import { expect, onTestFinished, test } from 'vitest'
import { ended, item, Stand, started } from './stand.test-kit.js'
import { WorkspaceStore } from './workspace-store.js'

const nothing = { calls: [], operators: [], surfaces: [], sources: [], has_more: false }

async function start(...states: object[]) {
  const stand = new Stand()
  stand.states.push(...states)
  const store = new WorkspaceStore({ state: stand.state, feed: stand.feed, frame: stand.frame, now: () => 0 })
  onTestFinished(() => store.stop())
  void store.start()
  await stand.draw()
  await stand.draw()
  return { stand, store }
}

test('begins with the state, and streams from its position', async () => {
  const { stand, store } = await start({ ...nothing, position: item(7, {}).id })
  expect(store.get()).toMatchObject({ phase: 'ready', position: item(7, {}).id, folded: 0 })
  expect(stand.streams.map(({ after }) => after)).toEqual([item(7, {}).id])
})

test('folds every event after it once, whatever comes again', async () => {
  const { stand, store } = await start({ ...nothing, position: item(1, {}).id })
  stand.push(item(1, started('A')), item(2, started('B')), item(2, started('B')), item(3, ended('B')))
  await stand.draw()
  expect([...store.get().calls.keys()]).toEqual(['B'])
  expect(store.get().calls.get('B')).toMatchObject({ status: 'ended', duration_seconds: 72 })
  expect(store.get()).toMatchObject({ folded: 2, position: item(3, {}).id })
})

test('tells of many events once a frame, and never changes what it has shown', async () => {
  const { stand, store } = await start({ ...nothing, position: item(0, {}).id })
  let told = 0
  store.subscribe(() => {
    told += 1
  })
  const before = store.get().calls
  stand.push(...Array.from({ length: 1_000 }, (_, index) => item(index + 1, started(`C${index}`))))
  await stand.draw()
  expect(told).toBe(1)
  expect(before.size).toBe(0)
  const shown = store.get().calls
  expect(shown.size).toBe(1_000)
  stand.push(item(2_000, started('another')))
  await stand.draw()
  expect(shown.size).toBe(1_000)
  expect(store.get().calls.size).toBe(1_001)
})

test('reads the state anew after a gap, says from when to when it was, and goes on from there', async () => {
  const first = item(5, {}).id
  const { stand, store } = await start({ ...nothing, position: first }, { ...nothing, position: item(90, {}).id })
  stand.gap(first, item(80, {}).id)
  await stand.draw()
  await stand.draw()
  expect(store.get().gap).toEqual({ from: item(5, {}).time.getTime(), to: item(80, {}).time.getTime() })
  expect(stand.streams.map(({ after }) => after)).toEqual([first, item(90, {}).id])
})

test('reads the rest of a large workspace, and folds into it only what came after that', async () => {
  const stand = new Stand()
  stand.states.push({ ...nothing, has_more: true, position: item(1, {}).id })
  const source = (n: number, syncs: number) => ({
    data_source_id: `s${n}`,
    health: 'healthy',
    syncs,
    last_result: 'success',
  })
  stand.pages.sources = [
    { records: [source(1, 5)], position: item(3, {}).id, next: 'more' } as never,
    { records: [source(2, 7)], position: item(4, {}).id, next: undefined } as never,
  ]
  const store = new WorkspaceStore({ state: stand.state, feed: stand.feed, frame: stand.frame })
  onTestFinished(() => store.stop())
  void store.start()
  for (let n = 0; n < 3; n++) await stand.draw()
  const synced = (id: string) => ({
    event_type: 'pipeline.sync_completed',
    data_source_id: id,
    event_count: 1,
    duration_ms: 1,
  })
  stand.push(item(3, synced('s1')), item(4, synced('s1')), item(5, synced('s2')))
  await stand.draw()
  const syncs = [...store.get().sources.values()].map((each) => [each.data_source_id, each.syncs])
  expect(syncs).toEqual([
    ['s1', 6],
    ['s2', 8],
  ])
  expect([...store.get().partial]).toEqual(['calls'])
})

test('holds no more than there is room for: what has been over for longest goes first', async () => {
  const stand = new Stand()
  stand.states.push({ ...nothing, position: item(0, {}).id })
  const now = item(100, {}).time.getTime()
  const store = new WorkspaceStore({
    state: stand.state,
    feed: stand.feed,
    frame: stand.frame,
    now: () => now,
    recordsMax: 10,
  })
  onTestFinished(() => store.stop())
  void store.start()
  for (let n = 0; n < 2; n++) await stand.draw()
  stand.push(item(1, started('on')), ...Array.from({ length: 30 }, (_, n) => item(n + 2, ended(`C${n}`))))
  await stand.draw()
  const { calls } = store.get()
  expect(calls.size).toBeLessThanOrEqual(10)
  expect(calls.has('on')).toBe(true)
  expect(calls.has('C29')).toBe(true)
  expect(calls.has('C0')).toBe(false)
})

test('tries again when the state cannot be read, and stops when it may not be', async () => {
  const stand = new Stand()
  const failures = ['unavailable', 'forbidden']
  const state = {
    ...stand.state,
    get: async () => {
      throw new SwitchboardError(failures.shift() ?? '', 'no')
    },
  }
  const waits: number[] = []
  const wait = async (ms: number) => void waits.push(ms)
  const store = new WorkspaceStore({ state, feed: stand.feed, frame: stand.frame, now: () => 0, wait })
  await store.start()
  await stand.draw()
  expect(waits).toEqual([5000])
  expect(store.get().connection).toMatchObject({ kind: 'stopped', code: 'forbidden' })
})

test('what happens while the rest is read is folded into it, once', async () => {
  const stand = new Stand()
  stand.states.push({ ...nothing, has_more: true, position: item(1, {}).id })
  let give: (page: object) => void = () => {}
  const page = new Promise<object>((resolve) => {
    give = resolve
  })
  const state = {
    ...stand.state,
    page: async ({ name }: { name: string }) =>
      name === 'sources' ? await page : { records: [], position: '1-1', next: undefined },
  } as unknown as typeof stand.state
  const store = new WorkspaceStore({ state, feed: stand.feed, frame: stand.frame })
  onTestFinished(() => store.stop())
  void store.start()
  for (let n = 0; n < 3; n++) await stand.draw()
  const synced = { event_type: 'pipeline.sync_completed', data_source_id: 's1', event_count: 1, duration_ms: 1 }
  stand.push(item(2, synced), item(3, synced), item(4, synced))
  await stand.draw()
  // Read at 3: what came before is in it, and what came after is not.
  const record = { data_source_id: 's1', health: 'healthy', syncs: 7, last_result: 'success' }
  give({ records: [record], position: item(3, {}).id, next: undefined })
  await stand.draw()
  stand.push(item(5, synced))
  for (let n = 0; n < 2; n++) await stand.draw()
  expect(store.get().sources.get('s1')).toMatchObject({ syncs: 9 })
})
