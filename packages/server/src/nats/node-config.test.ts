import { describe, expect, test } from 'vitest'
import { nodeConfigText } from './node-config.js'
import { findNatsServer } from './program.js'
import { isAtLeast } from './version.js'

const places = [1, 2, 3].map((n) => ({ host: '127.0.0.1', port: n, monitorPort: 10 + n, clusterPort: 20 + n }))
const [first = { host: '', port: 0, monitorPort: 0, clusterPort: 0 }] = places
const one = {
  name: 'nats-1',
  place: first,
  places: [first],
  storeDir: '/data "of" mine',
  maxPayloadBytes: undefined,
  syncAlways: false,
}

describe('the configuration of a node', () => {
  test('alone is no cluster, and leaves to the server what nobody asked for', () => {
    expect(nodeConfigText(one)).toBe(
      [
        'server_name: "nats-1"',
        'host: "127.0.0.1"',
        'port: 1',
        'http: "127.0.0.1:11"',
        'jetstream {',
        '  store_dir: "/data \\"of\\" mine"',
        '}',
        '',
      ].join('\n'),
    )
  })

  test('of three names the routes to all, and flushes where the server can', () => {
    const text = nodeConfigText({ ...one, places, maxPayloadBytes: 8_388_608, syncAlways: true })
    expect(text).toContain('max_payload: 8388608\n')
    expect(text).toContain('  sync_interval: always\n')
    expect(text).toContain(
      'routes: ["nats-route://127.0.0.1:21", "nats-route://127.0.0.1:22", "nats-route://127.0.0.1:23"]\n',
    )
  })
})

test.each([
  ['2.9.10', false],
  ['2.10.0-RC.1', true],
  ['2.10.24', true],
  ['3.0.0', true],
  ['1.99.0', false],
])('%s is 2.10 or newer: %s', (version, expected) => {
  expect(isAtLeast(version, '2.10')).toBe(expected)
})

test('a machine without nats-server is told what to install', async () => {
  const missing = findNatsServer(['/nowhere/nats-server'])
  await expect(missing).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/no nats-server.*nstall/),
  })
})
