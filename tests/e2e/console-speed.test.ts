import type { CDPSession } from 'playwright-core'
import { expect, test } from 'vitest'
import { type Json, TestServer } from '../kit.js'
import { inBrowser, openTab, signIn } from './console-tab.js'

const SECONDS = 60
const EVENTS_A_SECOND = 1000
/** Batches a second: what comes evenly is harder to draw than what comes at once. */
const BATCHES = 20
const FRAME_MS_P95_MAX = 50
/** The list is full by half of the time: what the heap gains after that is a leak. */
const HEAP_GAIN_MIB_MAX = 16

/** Calls that come and go, with all that happens around them, so that every page's records change. */
function happening(n: number): Json {
  const call = { call_sid: `CA${Math.floor(n / 4)}`, direction: 'inbound' }
  switch (n % 4) {
    case 0:
      return { ...call, event_type: 'call.started', service_id: 'front-desk', caller_id: '+15550142' }
    case 1:
      return { event_type: 'pipeline.sync_completed', data_source_id: `s${n % 20}`, event_count: n, duration_ms: 12 }
    case 2:
      return { event_type: 'operator.status_changed', operator_id: `op${n % 40}`, status: 'busy' }
    default:
      return {
        ...call,
        event_type: 'call.ended',
        duration_seconds: 9,
        completion_reason: 'completed',
        escalated: false,
      }
  }
}

async function heapMiB(devtools: CDPSession): Promise<number> {
  await devtools.send('HeapProfiler.collectGarbage')
  const { usedSize } = await devtools.send('Runtime.getHeapUsage')
  return usedSize / 1024 / 1024
}

inBrowser('the console under load', (browser) => {
  test(`${EVENTS_A_SECOND} events a second for a minute are drawn smoothly, and the heap stays where it is`, async () => {
    const server = await TestServer.start()
    const { page } = await openTab(browser, server, '/live')
    await signIn(server, page)
    const devtools = await page.context().newCDPSession(page)
    await page.evaluate(() => {
      const frames: number[] = []
      let before = performance.now()
      const tick = (now: number) => {
        frames.push(now - before)
        before = now
        requestAnimationFrame(tick)
      }
      requestAnimationFrame(tick)
      Object.assign(globalThis, { frames })
    })
    const heaps: number[] = []
    let last = ''
    const began = performance.now()
    for (let batch = 0; batch < SECONDS * BATCHES; batch++) {
      const due = began + (batch * 1000) / BATCHES
      await new Promise((resolve) => setTimeout(resolve, due - performance.now()))
      const size = EVENTS_A_SECOND / BATCHES
      const ids = await server.publish(Array.from({ length: size }, (_, n) => happening(batch * size + n)))
      last = ids.at(-1) ?? ''
      if (batch === (SECONDS / 2) * BATCHES) heaps.push(await heapMiB(devtools))
    }
    const lasted = (performance.now() - began) / 1000
    await page.locator(`.event[data-id="${last}"]`).waitFor()
    heaps.push(await heapMiB(devtools))
    const frames = await page.evaluate(() => (globalThis as unknown as { frames: number[] }).frames)
    frames.sort((a, b) => a - b)
    const p95 = frames[Math.floor(frames.length * 0.95)] ?? Number.POSITIVE_INFINITY
    const [half = 0, end = 0] = heaps
    console.log(
      `${SECONDS * EVENTS_A_SECOND} events in ${lasted.toFixed(1)} s; ${frames.length} frames, p95 ${p95.toFixed(1)} ms,`,
      `longest ${frames.at(-1)?.toFixed(0)} ms; heap ${half.toFixed(0)} MiB at half, ${end.toFixed(0)} MiB at the end`,
    )
    expect(p95).toBeLessThan(FRAME_MS_P95_MAX)
    expect(end - half).toBeLessThan(HEAP_GAIN_MIB_MAX)
  }, 150_000)
})
