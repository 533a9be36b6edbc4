import { Agent, request } from 'node:http'
import { onTestFinished, test } from 'vitest'
import { expectAlike, interleaved } from '../../../packages/server/testing/timing.js'
import { TestServer } from '../../kit.js'

const NOWHERE = '01890000-0000-7000-8000-000000000000'

test('a workspace of others and one that is not there are refused in the same time', async () => {
  const server = await TestServer.start()
  const made = await server.request('POST', '/v1/workspaces', { name: 'Elsewhere', slug: 'elsewhere' })
  const asked = { name: 'own', permissions: ['events:read', 'events:write', 'calls:observe'] }
  const { api_key: key } = await server.request('POST', `/v1/${made.id}/api-keys`, asked)
  // One connection: what is measured is the answer, not the network.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  const ask = (workspace: string, path: string) => () =>
    new Promise<void>((resolve, reject) => {
      const headers = { authorization: `Bearer ${key}` }
      const sent = request(`${server.url}/v1/${workspace}${path}`, { agent, headers }, (answer) => {
        answer.resume().once('end', resolve)
        if (answer.statusCode !== 403) reject(new Error(`answered ${answer.statusCode}`))
      })
      sent.once('error', reject).end()
    })
  for (const path of ['/events', '/events/stream', '/calls/CA1']) {
    const asks = { theirs: ask(server.workspace, path), none: ask(NOWHERE, path) }
    expectAlike(await interleaved(asks, 1000))
  }
})
