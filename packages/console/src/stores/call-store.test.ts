import type { ObserverItem, WorkspaceItem } from '@switchboard/sdk'
import { expect, onTestFinished, test } from 'vitest'
import { CallStore, type CallStoreOptions } from './call-store.js'
import { Frames, item, Pushed } from './stand.test-kit.js'

const heard = (n: number, event: object) => item(n, event) as unknown as ObserverItem
const said = (n: number, transcript: string) => heard(n, { type: 'user_transcript', transcript })
const record = { call_sid: 'A', started_at: item(0, {}).time.toISOString(), status: 'active' }
const joined = { event_type: 'operator.joined_call', call_sid: 'A', operator_id: 'mara', mode: 'listen' }

/** A call on a server that says what a test has it say. */
async function open() {
  const channel = new Pushed<ObserverItem>()
  const workspace = new Pushed<WorkspaceItem>()
  const frames = new Frames()
  const clock = { now: item(0, {}).time.getTime() }
  const store = new CallStore({
    callSid: 'A',
    switchboard: {
      calls: { get: async () => ({ call: record, position: '1-1' }), observe: () => channel.read() },
    } as unknown as CallStoreOptions['switchboard'],
    feed: { stream: () => workspace.read() },
    frame: frames.frame,
    now: () => clock.now,
  })
  onTestFinished(() => store.stop())
  void store.start()
  await frames.draw()
  return { store, channel, workspace, frames, clock }
}

const texts = (store: CallStore) => store.get().picture.lines.map(({ text }) => text)

test('puts the events of both channels in the order of their time, each once', async () => {
  const { store, channel, frames, workspace } = await open()
  channel.push(said(1, 'one'), said(3, 'three'))
  workspace.push(item(2, joined), item(2, joined), item(4, { ...joined, event_type: 'operator.left_call' }))
  await frames.draw()
  await frames.draw()
  expect(texts(store)).toEqual(['one', 'listens', 'three', 'left the call'])
})

test('says that personal data was erased', async () => {
  const { store, channel, frames } = await open()
  channel.push(said(1, 'one'))
  await frames.draw()
  expect(store.get().erased).toBe(false)
  channel.push(heard(2, { type: 'user_transcript', transcript: '[masked]', erased: true }))
  await frames.draw()
  await frames.draw()
  expect(store.get().erased).toBe(true)
  expect(texts(store)).toEqual(['one', '[masked]'])
})

test('an event that comes late takes its place', async () => {
  const { store, channel, frames, workspace } = await open()
  channel.push(said(1, 'one'), said(3, 'three'))
  await frames.draw()
  await frames.draw()
  workspace.push(item(2, joined))
  await frames.draw()
  await frames.draw()
  expect(texts(store)).toEqual(['one', 'listens', 'three'])
})

test('the moment that is shown is a place in it, and runs on by itself until its end', async () => {
  const { store, channel, frames, clock } = await open()
  channel.push(said(1, 'one'), said(3, 'three'), said(9, 'nine'))
  channel.end()
  for (let n = 0; n < 3; n++) await frames.draw()
  expect(store.get()).toMatchObject({ over: true, replay: undefined })

  store.replay.seek(item(2, {}).time.getTime())
  for (let n = 0; n < 2; n++) await frames.draw()
  expect(texts(store)).toEqual(['one'])
  store.replay.seek(item(0, {}).time.getTime())
  for (let n = 0; n < 2; n++) await frames.draw()
  expect(texts(store)).toEqual([])

  store.replay.setSpeed(2)
  store.replay.play(0)
  clock.now += 2_000
  for (let n = 0; n < 3; n++) await frames.draw()
  expect(texts(store)).toEqual(['one', 'three'])
  expect(store.get().replay).toMatchObject({ playing: true })
  clock.now += 3_000
  for (let n = 0; n < 3; n++) await frames.draw()
  expect(texts(store)).toEqual(['one', 'three', 'nine'])
  expect(store.get().replay).toBeUndefined()
})

test('pausing holds the moment still', async () => {
  const { store, channel, frames, clock } = await open()
  channel.push(said(1, 'one'), said(9, 'nine'))
  channel.end()
  for (let n = 0; n < 3; n++) await frames.draw()
  store.replay.play(item(0, {}).time.getTime())
  clock.now += 1_500
  for (let n = 0; n < 3; n++) await frames.draw()
  store.replay.pause()
  clock.now += 60_000
  for (let n = 0; n < 3; n++) await frames.draw()
  expect(texts(store)).toEqual(['one'])
  expect(store.get().replay).toMatchObject({ playing: false })
})
