import { expect, onTestFinished, test } from 'vitest'
import { item, Stand, started } from './stand.test-kit.js'
import { TimelineStore } from './timeline-store.js'

async function start(max?: number) {
  const stand = new Stand()
  const { feed, frame } = stand
  const limit = max === undefined ? {} : { max }
  const store = new TimelineStore({ feed, frame, types: ['call.*'], since: '15m', ...limit })
  onTestFinished(() => store.stop())
  void store.start()
  await stand.draw()
  const numbers = () => store.get().items.map(({ id }) => Number(id.split('-')[1]))
  const show = async () => {
    // One frame to gather what has come, one to tell of it.
    await stand.draw()
    await stand.draw()
    return numbers()
  }
  const come = (from: number, to: number) => {
    for (let n = from; n <= to; n++) stand.push(item(n, started(`C${n}`)))
  }
  return { stand, store, show, come }
}

test('asks the server for the types and the beginning that were chosen', async () => {
  const { stand } = await start()
  expect(stand.streams).toMatchObject([{ types: ['call.*'], after: { since: '15m' } }])
})

test('shows what comes, in order', async () => {
  const { show, come } = await start()
  come(1, 3)
  expect(await show()).toEqual([1, 2, 3])
  come(4, 5)
  expect(await show()).toEqual([1, 2, 3, 4, 5])
})

test('stands still while it is held, counts what waits, and then has it', async () => {
  const { store, show, come } = await start()
  come(1, 2)
  await show()
  store.pause()
  come(3, 6)
  expect(await show()).toEqual([1, 2])
  expect(store.get()).toMatchObject({ paused: true, waiting: 4 })
  store.resume()
  expect(await show()).toEqual([1, 2, 3, 4, 5, 6])
  expect(store.get()).toMatchObject({ paused: false, waiting: 0, dropped: 0 })
})

test('keeps the newest, and counts what had to go', async () => {
  const { store, show, come } = await start(3)
  come(1, 5)
  expect(await show()).toEqual([3, 4, 5])
  expect(store.get().dropped).toBe(2)
})

test('counts what had to go while it was held, too', async () => {
  const { store, show, come } = await start(3)
  come(1, 1)
  await show()
  store.pause()
  come(2, 12)
  await show()
  store.resume()
  expect(await show()).toEqual([10, 11, 12])
  expect(store.get().dropped).toBe(9)
})
