import type { Watcher } from '@switchboard/sdk'
import { expect, test } from 'vitest'
import { Frames } from './stand.test-kit.js'
import { WatchersStore, type WatchersStoreOptions } from './watchers-store.js'

const watcher = (name: string): Watcher => ({
  connection_id: name,
  name,
  credential: 'api-key',
  since: '2026-01-05T09:00:00.000Z',
  masked: true,
})

test('who watches is asked again and again; what cannot be known is not nobody', async () => {
  const frames = new Frames()
  const answers = [[watcher('desk')], new Error('unavailable'), [watcher('desk'), watcher('wall')]]
  const seen: unknown[] = []
  const store = new WatchersStore({
    callSid: 'A',
    switchboard: {
      streams: {
        async *watchers() {
          const answer = answers.shift()
          if (answer instanceof Error) throw answer
          yield* answer ?? []
        },
      },
    } as unknown as WatchersStoreOptions['switchboard'],
    frame: frames.frame,
    async wait() {
      await frames.draw()
      seen.push(store.get()?.map(({ name }) => name))
      if (answers.length === 0) store.stop()
    },
  })
  await store.start()
  expect(seen).toEqual([['desk'], undefined, ['desk', 'wall']])
})
