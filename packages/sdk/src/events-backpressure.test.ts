import { expect, onTestFinished, test } from 'vitest'
import { createSwitchboard } from './client.js'
import { HandClock } from './kit/hand-clock.js'
import { block, opened, scriptedHttp, stream } from './kit/scripted-http.js'

test('a slow consumer slows the server down, and then gets everything', async () => {
  const count = 4000
  const padding = 'x'.repeat(8000)
  let written = 0
  const server = await scriptedHttp(async (response) => {
    stream(response, opened('5-0'))
    for (let n = 1; n <= count; n += 1) {
      const full = !response.write(block(`9-${n}`, { event_type: 'surface.updated', surface_id: padding }))
      written = n
      if (full) await new Promise((resolve) => response.once('drain', resolve))
    }
  })
  onTestFinished(() => server.close())
  const client = createSwitchboard({ baseUrl: server.url, workspaceId: 'w1', credential: 'k', clock: new HandClock() })
  const events = client.events.stream()
  await events.next()
  // What sockets and pipes between them hold, and not the 32 MB there are. It is full when it stays so.
  let before = -1
  while (written !== before) {
    before = written
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
  expect(written).toBeLessThan(count * 0.75)
  let last = ''
  for (let n = 2; n <= count; n += 1) last = (await events.next()).value?.id ?? ''
  expect(last).toBe(`9-${count}`)
  await events.return()
})
