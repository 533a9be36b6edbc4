import { accept, builtinCatalogue } from '@switchboard/contract'
import { SwitchboardError } from '@switchboard/sdk'
import { expect, test } from 'vitest'
import { forbidden, PublishStand } from './publish.test-kit.js'
import { mustAsk, RUN_MINUTES_MAX, SimulationStore } from './simulation-store.js'
import type { WorkspaceSnapshot } from './workspace-store.js'

/** A stand whose time goes on by as much as is slept, so that a story takes no time at all. */
function stand() {
  const server = new PublishStand()
  let now = Date.UTC(2026, 0, 5, 9)
  const state = { signedIn: true, busy: [] as boolean[], slept: [] as number[], atTick: (_seconds: number) => {} }
  const store: SimulationStore = new SimulationStore({
    switchboard: server.switchboard,
    frame: (run) => run(),
    now: () => now,
    sleep: async (ms) => {
      now += ms
      state.slept.push(ms)
      state.atTick(store.get().seconds)
    },
    seed: () => 7,
    mayGoOn: () => state.signedIn,
    onBusy: (busy) => state.busy.push(busy),
  })
  /** Does something once the story has come this far. */
  const at = (seconds: number, act: () => void) => {
    state.atTick = (reached) => {
      if (reached < seconds) return
      state.atTick = () => {}
      act()
    }
  }
  /** Calls that began and have not ended, as a reader of the workspace stream sees it. */
  const open = () => {
    const calls = new Set<unknown>()
    for (const { event_type, call_sid } of server.events) {
      if (event_type === 'call.started') calls.add(call_sid)
      if (event_type === 'call.ended') calls.delete(call_sid)
    }
    return calls.size
  }
  return { server, store, state, at, open }
}

test('a story that is stopped hangs up its calls, sends its operators home and says how much it told', async () => {
  const { server, store, state, at, open } = stand()
  at(60, () => {
    expect(open()).toBeGreaterThan(0)
    expect(store.get()).toMatchObject({ phase: 'running', active: open() })
    store.stop()
  })
  await store.start()
  expect(open()).toBe(0)
  expect(store.get()).toMatchObject({ phase: 'ended', active: 0, events: server.events.length })
  const statuses = new Map(
    server.events
      .filter(({ event_type }) => event_type === 'operator.status_changed')
      .map(({ operator_id, status }) => [operator_id, status]),
  )
  expect([...statuses.values()].every((status) => status === 'offline')).toBe(true)
  expect(state.busy).toEqual([true, false])
})

test("everything that is told fits the catalogue, and an observer hears nothing after its call's end", async () => {
  const { server, store, at } = stand()
  at(120, () => store.stop())
  await store.start()
  const over = new Set<unknown>()
  for (const { call, events } of server.sent) {
    for (const event of events) {
      const channel = call === undefined ? 'workspace' : 'observer'
      expect(accept(builtinCatalogue, channel, event, { extraFields: 'refuse' })).toMatchObject({ ok: true })
      expect(over.has(call), JSON.stringify(event)).toBe(false)
      if (event.event_type === 'call.ended') over.add(event.call_sid)
    }
  }
  expect(over.size).toBeGreaterThan(5)
})

test('what happens within a tick is sent together', async () => {
  const { server, store, state, at } = stand()
  at(60, () => store.stop())
  await store.start()
  expect(Math.min(...state.slept)).toBeGreaterThanOrEqual(250)
  expect(server.sent.length).toBeLessThan(server.events.length)
})

test('a publish that fails stops the story and says why; what is open can be hung up later', async () => {
  const { server, store, state, at, open } = stand()
  at(60, () => {
    server.refuse = () => new SwitchboardError('storage_full', 'the disk is full')
  })
  await store.start()
  expect(store.get()).toMatchObject({ phase: 'failed', refusal: { why: 'the disk is full', permission: undefined } })
  expect(open()).toBeGreaterThan(0)
  await store.hangUp()
  expect(store.get()).toMatchObject({ phase: 'failed', refusal: { why: 'the disk is full' } })
  server.refuse = () => undefined
  await store.hangUp()
  expect(open()).toBe(0)
  expect(store.get()).toMatchObject({ phase: 'ended', active: 0, refusal: undefined })
  expect(state.busy).toEqual([true, false, true, false, true, false])
})

test('a story that is started after one that failed hangs up the calls of that one first', async () => {
  const { server, store, at, open } = stand()
  at(60, () => {
    server.refuse = () => new SwitchboardError('storage_full', 'the disk is full')
  })
  await store.start()
  const left = open()
  expect(left).toBeGreaterThan(0)
  server.refuse = () => undefined
  at(0, () => {
    expect(open()).toBe(0)
    store.stop()
  })
  await store.start()
  expect(store.get()).toMatchObject({ phase: 'ended', active: 0 })
})

test('whoever may not speak to observers is told so, and can still end the calls', async () => {
  const { server, store, open } = stand()
  server.refuse = (call) => (call === undefined ? undefined : forbidden('calls:publish'))
  await store.start()
  expect(store.get()).toMatchObject({ phase: 'failed', refusal: { permission: 'calls:publish' } })
  await store.hangUp()
  expect(open()).toBe(0)
  expect(store.get().phase).toBe('ended')
})

test('signing out ends the story', async () => {
  const { store, state, at, open } = stand()
  at(30, () => {
    state.signedIn = false
  })
  await store.start()
  expect(store.get()).toMatchObject({ phase: 'ended' })
  expect(store.get().seconds).toBeLessThan(32)
  expect(open()).toBe(0)
})

test('a forgotten story ends by itself', async () => {
  const { store, open } = stand()
  store.configure({ callsPerMinute: 1 })
  await store.start()
  expect(store.get()).toMatchObject({ phase: 'ended', active: 0 })
  expect(store.get().seconds).toBeGreaterThan(RUN_MINUTES_MAX * 60 - 120)
  expect(open()).toBe(0)
})

test('ten times faster, a story comes ten times as far in the same time', async () => {
  const { store, state, at } = stand()
  store.configure({ speed: 10 })
  at(100, () => store.stop())
  await store.start()
  const ms = state.slept.reduce((sum, each) => sum + each, 0)
  expect(ms).toBeGreaterThanOrEqual(10_000)
  expect(ms).toBeLessThan(12_000)
})

test('settings keep to their bounds, and to what they were while a story is told', async () => {
  const { store, at } = stand()
  store.configure({ callsPerMinute: 1000 })
  store.configure({ speed: 3 })
  expect(store.get()).toMatchObject({ callsPerMinute: 60, speed: 1 })
  store.configure({ callsPerMinute: Number.NaN })
  expect(store.get().callsPerMinute).toBe(60)
  at(5, () => {
    store.configure({ callsPerMinute: 2, speed: 5 })
    store.stop()
  })
  await store.start()
  expect(store.get()).toMatchObject({ callsPerMinute: 60, speed: 1 })
})

test('nobody is asked about a workspace known to be empty, nor twice; everybody else is', async () => {
  const { store, at } = stand()
  const none = new Map<string, never>()
  const empty = { phase: 'ready', calls: none, operators: none, surfaces: none, sources: none } as unknown
  const workspace = empty as WorkspaceSnapshot
  expect(mustAsk(workspace, store.get())).toBe(false)
  expect(mustAsk({ ...workspace, phase: 'loading' }, store.get())).toBe(true)
  for (const kind of ['calls', 'operators', 'surfaces', 'sources']) {
    expect(mustAsk({ ...workspace, [kind]: new Map([['1', {}]]) }, store.get())).toBe(true)
  }
  at(1, () => store.stop())
  await store.start()
  expect(mustAsk({ ...workspace, phase: 'loading' }, store.get())).toBe(false)
})
