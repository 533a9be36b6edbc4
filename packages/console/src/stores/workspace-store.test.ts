import { expect, onTestFinished, test } from 'vitest'
import { ended, item, Stand, started } from './stand.test-kit.js'
import { WorkspaceStore } from './workspace-store.js'

const nothing = { calls: [], operators: [], surfaces: [], sources: [], has_more: false }

async function start(...states: object[]) {
  const stand = new Stand()
  stand.states.push(...states)
  const store = new WorkspaceStore({ switchboard: stand.switchboard, frame: stand.frame, now: () => 0 })
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
