import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../../kit.js'
import { between } from '../dice.js'
import type { Fault } from '../fault.js'
import { Scene } from '../scene.js'
import { spread } from '../spread.js'

const CONNECTIONS = { bounded: 300, usual: 2000, full: 10_000 }
const OPEN_AT_ONCE = 250
const LIFE_MS_MAX = 1000
const ADDRESSES = 200
/** Of the scene's own. */
const WORKSPACE_STREAMS = 4
const OBSERVERS = 1
const DESCRIPTORS_MORE_MAX = 8
const GROWTH_MIB_MAX = 96
const MIB = 1024 * 1024

/** What a connection of the storm asks for before it hangs up. */
const asks = {
  nothing: () => '',
  'half a head': (path: string) => `GET ${path}/events/stream HTTP/1.1\r\nhost: x\r\nauthor`,
  'a stream': (path: string, key: string) => get(`${path}/events/stream`, key),
  'all of the past': (path: string, key: string) => get(`${path}/events/stream?since=1h`, key),
  'an observer': (path: string, key: string, call: string) =>
    get(
      `${path}/observers/${call}/ws?history=all`,
      key,
      'connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
    ),
} as const
const kinds = Object.keys(asks) as (keyof typeof asks)[]

/** Clients that come and go as fast as they can, and hang up wherever they are. */
export const storm: Fault = {
  name: 'storm',
  summary: `thousands of connections are opened and closed, ${OPEN_AT_ONCE} at a time`,
  rounds: { bounded: 1, usual: 2, full: 3 },
  async run(context) {
    const { rounds, scale, roll } = context
    const scene = await Scene.start(context, { everyMs: 2, charsMax: 100 })
    const { server } = scene
    const [channel] = scene.channels.filter(({ call }) => call !== undefined)
    const path = `/v1/${channel?.workspace}`
    await scene.acknowledges(300)
    const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length
    const descriptorsBefore = descriptors()
    const waits: number[] = []
    const answers = new Map<string, number>()
    const growths: number[] = []
    for (let round = 1; round <= rounds; round++) {
      const bytesBefore = server.residentBytes()
      // Drawn before anything happens, so that a seed gives the same storm.
      const storm = Array.from({ length: CONNECTIONS[scale] }, () => ({
        kind: kinds[between(roll, 0, kinds.length - 1)] ?? 'nothing',
        lifeMs: between(roll, 0, LIFE_MS_MAX),
        address: `127.1.0.${between(roll, 1, ADDRESSES)}`,
      }))
      let isOver = false
      const publishers = (async () => {
        while (!isOver) waits.push(await scene.msToAck())
      })()
      await Promise.all(
        Array.from({ length: OPEN_AT_ONCE }, async () => {
          for (let next = storm.pop(); next !== undefined; next = storm.pop()) {
            const { kind, lifeMs, address } = next
            const bytes = asks[kind](path, server.adminKey, channel?.call ?? '')
            const status = await comesAndGoes(server.port, address, bytes, lifeMs)
            answers.set(status, (answers.get(status) ?? 0) + 1)
          }
        }),
      )
      isOver = true
      await publishers
      await server.streamsOpen('workspace', WORKSPACE_STREAMS)
      await server.streamsOpen('observer', OBSERVERS)
      growths.push((server.residentBytes() - bytesBefore) / MIB)
    }
    await until(
      `no more than ${DESCRIPTORS_MORE_MAX} descriptors more than the ${descriptorsBefore} before`,
      () => descriptors() <= descriptorsBefore + DESCRIPTORS_MORE_MAX || undefined,
    ).catch((error: Error) => scene.violate('storm', error.message))
    // The first storm takes what a server at work has; those behind it must not.
    const growth = Math.max(...(rounds > 1 ? growths.slice(1) : growths))
    if (growth > GROWTH_MIB_MAX) scene.violate('storm', `the server took ${growth.toFixed(0)} MiB more and more`)
    if (scene.reconnects > 0) scene.violate('storm', `others lost their connections ${scene.reconnects} times`)
    const verdict = await scene.verdict()
    return {
      ...verdict,
      figures: {
        connections: rounds * CONNECTIONS[scale],
        'of which were answered': [...answers].map(([status, count]) => `${count} ${status}`).join(', '),
        "between two answers to others' publishers, ms": spread(waits),
        'memory more, MiB': spread(growths),
      },
    }
  },
}

/** @returns The status of the answer, if there was one before it hung up. */
async function comesAndGoes(port: number, localAddress: string, bytes: string, lifeMs: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  let heard = ''
  socket.on('data', (piece) => {
    if (heard === '') heard = piece.toString('latin1')
  })
  const gone = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.on('error', () => {})
  socket.write(bytes)
  await Promise.race([pause(lifeMs), gone])
  socket.destroy()
  await gone
  return /^HTTP\/1\.1 (\d+)/.exec(heard)?.[1] ?? 'not at all'
}

function get(path: string, key: string, more = ''): string {
  return `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\n${more}\r\n`
}
