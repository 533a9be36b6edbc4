import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { onTestFinished } from 'vitest'
import type { NodePlace } from '../src/nats/node-config.js'

/** Why there can be no network namespaces here, or undefined when there can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'needs root, to make network namespaces'
  const network = namesOf(process.pid)
  const reason =
    refusal(['link', 'add', network.bridge, 'type', 'bridge']) ?? refusal(['netns', 'add', network.space(0)])
  spawnSync('ip', ['link', 'del', network.bridge])
  spawnSync('ip', ['netns', 'del', network.space(0)])
  return reason
}

export interface Network {
  /** Where each node is: in a namespace of its own, which this process reaches by its address. */
  readonly places: readonly NodePlace[]
  /** Cuts a node off from the others and from this process, as a pulled cable: nobody is told. */
  cut(index: number): void
  /** Puts the cable back. */
  heal(index: number): void
}

/**
 * A network of its own for each of so many nodes, joined by a bridge that this process sits at too.
 *
 *     this process ── bridge 10.x.y.1 ─┬─ cable ── namespace 10.x.y.2
 *                                      └─ cable ── namespace 10.x.y.3
 */
export function makeNetwork(count: number, onEnd: (end: () => void) => void = onTestFinished): Network {
  const { bridge, space, cable } = namesOf(randomInt(1_000_000))
  const net = `10.${randomInt(200, 250)}.${randomInt(256)}`
  const indexes = Array.from({ length: count }, (_, index) => index)
  onEnd(() => {
    // A cable goes with the namespace that one of its ends is in.
    for (const index of indexes) spawnSync('ip', ['netns', 'del', space(index)])
    spawnSync('ip', ['link', 'del', bridge])
  })
  ip('link', 'add', bridge, 'type', 'bridge')
  ip('addr', 'add', `${net}.1/24`, 'dev', bridge)
  ip('link', 'set', bridge, 'up')
  for (const index of indexes) {
    const inside = `${cable(index)}i`
    ip('netns', 'add', space(index))
    ip('link', 'add', cable(index), 'type', 'veth', 'peer', 'name', inside)
    ip('link', 'set', inside, 'netns', space(index))
    ip('link', 'set', cable(index), 'master', bridge, 'up')
    ip('-n', space(index), 'addr', 'add', `${net}.${index + 2}/24`, 'dev', inside)
    ip('-n', space(index), 'link', 'set', inside, 'up')
    ip('-n', space(index), 'link', 'set', 'lo', 'up')
  }
  return {
    places: indexes.map((index) => ({
      host: `${net}.${index + 2}`,
      // Nobody else is there to have taken them.
      port: 4222,
      monitorPort: 8222,
      clusterPort: 6222,
      enter: ['ip', 'netns', 'exec', space(index)],
    })),
    cut: (index) => ip('link', 'set', cable(index), 'down'),
    heal: (index) => ip('link', 'set', cable(index), 'up'),
  }
}

/** Names of links have 15 characters at most. */
function namesOf(id: number) {
  return {
    bridge: `sb${id}b`,
    space: (index: number) => `switchboard-${id}-${index}`,
    cable: (index: number) => `sb${id}n${index}`,
  }
}

function ip(...args: readonly string[]): void {
  const reason = refusal(args)
  if (reason !== undefined) throw new Error(`ip ${args.join(' ')}: ${reason}`)
}

function refusal(args: readonly string[]): string | undefined {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
  return status === 0 ? undefined : (stderr ?? 'there is no program ip (Debian package iproute2)').trim()
}
