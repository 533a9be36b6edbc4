import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { LocalNats, type LocalNatsOptions, loopbackPlaces } from '../src/nats/local-nats.js'
import { findNatsServer } from '../src/nats/program.js'
import { ext4Disk, whyNoPowerCuts } from './disks.js'

export { haveCopies, leaderOf } from './node-streams.js'

const MiB = 1024 * 1024

/** Why there can be no NATS here, or undefined when there can. */
export async function whyNoNats(): Promise<string | undefined> {
  try {
    await findNatsServer()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

export interface TestNatsOptions extends Partial<Omit<LocalNatsOptions, 'folder'>> {
  readonly nodes?: 1 | 3
  /** Takes what ends them; by default they end with the test that started them. */
  readonly onEnd?: (end: () => Promise<void>) => void
}

/** Nodes in a folder of their own. They lose what they acknowledged in a power cut, and are fast, unless `durable` is asked for. */
export async function startNats(options: TestNatsOptions = {}): Promise<LocalNats> {
  const { nodes = 1, onEnd = onTestFinished, durable = false, places, ...rest } = options
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-nats-'))
  let nats: LocalNats | undefined
  onEnd(async () => {
    // Nobody needs what they keep, so there is nothing to wait for.
    await Promise.all(nats?.nodes.map((node) => node.kill()) ?? [])
    rmSync(folder, { recursive: true, force: true })
  })
  nats = await LocalNats.start({ ...rest, durable, folder, places: places ?? (await loopbackPlaces(nodes)) })
  return nats
}

/**
 * One node for all tests of a file, started by the first that asks.
 * @param onEnd The file's `afterAll`.
 */
export function sharedNats(onEnd: (end: () => Promise<void>) => void): () => Promise<LocalNats> {
  let started: Promise<LocalNats> | undefined
  const ends: (() => Promise<void>)[] = []
  onEnd(async () => {
    await started?.catch(() => undefined)
    for (const end of ends) await end()
  })
  return () => {
    started ??= startNats({ onEnd: (end) => ends.push(end) })
    return started
  }
}

/** Why the power of NATS nodes cannot be cut here, or undefined when it can. */
export async function whyNoNatsPowerCuts(): Promise<string | undefined> {
  return whyNoPowerCuts() ?? (await whyNoNats())
}

export interface PoweredNats {
  readonly nats: LocalNats
  /** Readies the cutter; the answer cuts the power of all nodes at one instant, and resolves when it is off. */
  cutter(): Promise<() => Promise<void>>
  /** After a cut: what runs without power dies, the disk comes back as it is, and the nodes start again on it. */
  reboot(): Promise<void>
}

/** Nodes whose messages are all on one disk, whose power can be cut. Their logs are elsewhere, and survive. */
export async function startPoweredNats(options: Omit<TestNatsOptions, 'storeFolder'> = {}): Promise<PoweredNats> {
  const { durable = true, onEnd = onTestFinished, ...rest } = options
  const disk = ext4Disk(1024 * MiB)
  const ends: (() => Promise<void>)[] = []
  onEnd(async () => {
    for (const end of ends) await end()
    disk.end()
  })
  const nats = await startNats({ ...rest, durable, onEnd: (end) => ends.push(end), storeFolder: disk.folder })
  return {
    nats,
    async cutter() {
      const cut = await disk.cutter()
      return async () => {
        // A server that has no power does nothing more. One that goes on while its disk fails gives away what is not stored.
        for (const node of nats.nodes) node.stop()
        await cut()
      }
    },
    async reboot() {
      await Promise.all(nats.nodes.map((node) => node.kill()))
      disk.reboot()
      await nats.startAll()
    },
  }
}
