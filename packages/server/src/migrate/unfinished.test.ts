import { afterAll, describe, expect, test } from 'vitest'
import { sharedNats } from '../../testing/nats.js'
import { entriesOf } from './entries.js'
import { all, CALLS, entriesIn, event, Folder, gateway, run, seen, withoutSequences } from './migrate.test-kit.js'
import { noteBegin } from './standing.js'

const shared = sharedNats(afterAll)

describe('a run that was broken off', () => {
  /** Lets a run import so many messages, then nothing any more: as if it were killed there. */
  async function breakOff(folder: Folder, urls: readonly string[], messages: number): Promise<void> {
    const controller = new AbortController()
    let count = 0
    const progress = () => {
      if (++count === messages) controller.abort(new Error('killed'))
    }
    await expect(run(folder, urls, { signal: controller.signal, progress })).rejects.toThrow('killed')
  }

  test.each([1, 5, 40, 60])('after %d steps goes on, and leaves nothing out and nothing twice', async (steps) => {
    const nats = await shared()
    const folder = await Folder.make()
    await breakOff(folder, nats.urls, steps)
    const { workspaces, planned, pairs } = await run(folder, nats.urls)
    expect(planned).toMatchObject([{ standing: 'unfinished' }])
    expect(workspaces).toMatchObject([{ isSame: true }])
    expect(new Set(pairs.map(([name, old]) => `${name} ${old}`)).size).toBe(32 + 465)
    const { log, store } = await gateway(nats.urls)
    expect((await seen(log, folder, CALLS)).entries.flat()).toHaveLength(32 + 465)
    expect((await store.all('migration')).map(({ key }) => key)).not.toContain(folder.id)
  })

  test('whose last message comes late after all stores it once', async () => {
    const nats = await shared()
    const folder = await Folder.make()
    const late = await gateway(nats.urls)
    const first = withoutSequences(await entriesIn(folder, folder.own))
    // What the killed run had sent, and the servers took in only now.
    const sent = first.map(({ type, json, time }) => ({ type, json, time }))
    let isLate = false
    const { workspaces } = await run(folder, nats.urls, {
      progress: () => {
        if (isLate) return
        isLate = true
        void late.log.import(folder.own, sent, 0).catch(() => {})
      },
    })
    expect(workspaces).toMatchObject([{ isSame: true }])
    await late.log.catchUp()
    expect(await all(entriesOf(late.log, folder.own))).toHaveLength(32)
  })

  test('before it took its note away is over, though the workspace is in use', async () => {
    const nats = await shared()
    const folder = await Folder.make()
    await run(folder, nats.urls)
    const { log, store } = await gateway(nats.urls)
    await noteBegin(store, { id: folder.id } as Parameters<typeof noteBegin>[1], folder.dir, 0)
    await log.append(folder.own, [event('call.started', { call_sid: 'new' })])
    const { workspaces, planned } = await run(folder, nats.urls)
    expect(planned).toMatchObject([{ standing: 'complete' }])
    expect(workspaces).toMatchObject([{ isSame: true, channels: [] }])
    expect(await all(entriesOf(log, folder.own))).toHaveLength(33)
  })

  test('and whose folder was served since is refused, and moved anew on demand, with what the folder has now', async () => {
    const nats = await shared()
    const folder = await Folder.make()
    await breakOff(folder, nats.urls, 20)
    await folder.open(async ({ log, store }) => {
      // The oldest of the workspace go, a call is erased, a key is deleted, and something new comes.
      await log.erase(folder.call('CA2'))
      await log.erase(folder.own)
      await log.append(folder.own, [event('call.started', { call_sid: 'CA99' })])
      for (const { key } of await store.all('api-key')) await store.delete('api-key', key)
    })
    await expect(run(folder, nats.urls)).rejects.toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining('--start-over'),
    })
    const { workspaces } = await run(folder, nats.urls, { startOver: true })
    expect(workspaces).toMatchObject([{ isSame: true }])
    const { log, store } = await gateway(nats.urls)
    expect((await all(entriesOf(log, folder.own))).map(({ json }) => JSON.parse(json).call_sid)).toEqual(['CA99'])
    expect(await all(entriesOf(log, folder.call('CA2')))).toEqual([])
    expect((await store.all('api-key')).filter(({ value }) => value.workspace === folder.id)).toEqual([])
  })
})
