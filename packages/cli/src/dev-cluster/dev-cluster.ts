import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { freePorts, LocalNats, lockFolder, loopbackPlaces, privateFile, systemClock } from '@switchboard/server'
import { commandName } from '../command-name.js'
import type { Context } from '../context.js'
import { credentialsPath, readCredentials, type ServerCredentials, saveCredentials } from '../credentials.js'
import { heldAfter } from '../serve/first-start.js'
import { introduce } from '../serve/introduce.js'
import { Gateway } from './gateway.js'
import { type DevCluster, NODES } from './job.js'
import { Report } from './report.js'

const ADMIN_KEY_FILE = 'admin-key'
const ADMIN_KEY_BYTES = 32

/**
 * Starts a cluster on this machine and stays until it is stopped.
 *
 *     nodes ─▶ gateways ─▶ a workspace and keys ─▶ … ─▶ stopped: gateways first, nodes last
 *
 * A process that dies is said, and the others go on: that is what a cluster is for.
 */
export async function devCluster(job: DevCluster, context: Context): Promise<void> {
  const report = new Report(context, job.json)
  const dataDir = resolve(context.cwd, job.dataDir)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const lost = new AbortController()
  const unlock = lockFolder(dataDir, systemClock, () => lost.abort())
  const signal = AbortSignal.any([context.signal, lost.signal])
  const ends: (() => Promise<unknown>)[] = []
  try {
    await start({ ...job, dataDir }, context, report, signal, ends)
    await aborted(signal)
    await report.progress('Ending the cluster …')
  } finally {
    for (const end of ends.reverse()) await end()
    unlock()
  }
}

/** @param ends Takes what ends each part, in the order of their start. */
async function start(
  job: DevCluster,
  context: Context,
  report: Report,
  signal: AbortSignal,
  ends: (() => Promise<unknown>)[],
): Promise<void> {
  const { dataDir, fast, port, natsPort } = job
  const newKey = (): string => `sb_admin_${randomBytes(ADMIN_KEY_BYTES).toString('hex')}\n`
  const adminKey = (await privateFile(join(dataDir, ADMIN_KEY_FILE), newKey)).content.trim()

  await report.progress(`Starting ${NODES} NATS nodes …`)
  const nats = await LocalNats.start({
    places: await loopbackPlaces(NODES, natsPort === 0 ? undefined : natsPort),
    folder: dataDir,
    durable: !fast,
    signal,
    onDeath: (node, how) => void report.died(node.name, how, node.logFile),
  })
  ends.push(() => nats.end())
  const { nodes, durability } = nats
  await report.nodes(nodes, durability)

  await report.progress(`Starting ${job.gateways} gateways …`)
  const ports =
    port === 0 ? await freePorts(job.gateways) : Array.from({ length: job.gateways }, (_, index) => port + index)
  const gateways = ports.map((each, index) => {
    const name = `gateway-${index + 1}`
    const logFile = join(dataDir, `${name}.log`)
    return new Gateway({
      name,
      port: each,
      dataDir: join(dataDir, name),
      logFile,
      natsUrls: nats.urls,
      natsMonitorUrls: nodes.map(({ monitorUrl }) => monitorUrl),
      adminKey,
      env: context.env,
      onLine: (line) => void report.log(name, line),
      onDeath: (how) => void report.died(name, how, logFile),
    })
  })
  ends.push(() => Promise.all(gateways.map((gateway) => gateway.end())))
  const serving: { name: string; url: string; pid: number | undefined; dataDir: string }[] = []
  for (const gateway of gateways) {
    const url = await Promise.race([gateway.url, givenUp(signal)])
    await report.gateway(gateway, url)
    serving.push({ name: gateway.name, url, pid: gateway.pid, dataDir: gateway.dataDir })
  }

  const held = await introduceAll(serving, adminKey, report, context)
  await report.ready({
    gateways: serving,
    nodes,
    durability: fast ? { synchronous: false, why: '--fast' } : durability,
    serverVersion: nats.program.version,
    held,
    credentials: credentialsPath(context),
    dataDir,
    command: commandName(context.env),
  })
}

/** As `serve` does for one server: commands find each gateway, and go to the first one when none is named. */
async function introduceAll(
  gateways: readonly { readonly url: string; readonly dataDir: string }[],
  adminKey: string,
  report: Report,
  context: Context,
): Promise<ServerCredentials> {
  const [first, ...others] = gateways
  if (first === undefined) return { admin_key: adminKey }
  const { path, made, trouble } = await introduce({ ...first, generatedKey: undefined, givenKey: adminKey }, context)
  if (trouble !== undefined) {
    // A cluster that runs is worth more than a file about it.
    await report.trouble(trouble)
    return made === undefined ? { admin_key: adminKey } : heldAfter(made, adminKey)
  }
  const { data_dir: _, ...held } = (await readCredentials(path)).servers[first.url] ?? { admin_key: adminKey }
  for (const { url, dataDir } of others) await saveCredentials(path, url, { ...held, data_dir: dataDir })
  return held
}

/** Resolves when it is. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

async function givenUp(signal: AbortSignal): Promise<never> {
  await aborted(signal)
  throw signal.reason
}
