import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  addressHere,
  type Config,
  configWarnings,
  createLogger,
  ownCertificate,
  type RunningServer,
  readConfig,
  startServer,
} from '@switchboard/server'
import { commandName } from '../command-name.js'
import { type Context, say } from '../context.js'
import { tell } from '../failure.js'
import { palette } from '../render/palette.js'
import { formatTold } from '../render/told.js'
import { certificateTrouble } from '../trust.js'
import { type Introduced, introduce } from './introduce.js'
import { fetchFrom } from './own-server.js'
import { type Distrust, distrustLines, keptLine, startedLine, strangerLines, welcome } from './welcome.js'

export interface Serve {
  /** As they were typed, by their names in the server's table, which reads them together with the environment. */
  readonly flags: Readonly<Record<string, string>>
  /** Logs and announcements as JSON lines, also on a terminal. */
  readonly json: boolean
  /** One of several gateways, or one that somebody else sets up. */
  readonly bare: boolean
}

/** Starts a server and stays until it is stopped. @throws what a start can fail with, each with one line for people. */
export async function serve(job: Serve, context: Context): Promise<void> {
  const config = readConfig(context.env, job.flags)
  const logger = createLogger({ level: config.logLevel, ...(job.json ? { readable: false } : {}) })
  for (const warning of configWarnings(context.env, config)) logger.warn(warning)
  const server = await startServer(config, { logger, ownsProcess: true })
  try {
    const tls = await lookAtTls(config, server, context)
    await announce(
      job,
      {
        url: server.url,
        generatedKey: server.adminKey,
        givenKey: config.adminKey,
        dataDir: config.dataDir,
        keptAt: server.keptAt,
        distrust: tls?.distrust,
      },
      tls === undefined ? context : { ...context, fetch: tls.fetch },
    )
  } catch (error) {
    // A server that runs is worth more than words about it.
    if (!context.signal.aborted)
      await context.stderr.write(formatTold(tell(error), context.stderr.colour, commandName(context.env)))
  }
  await untilHungUp(context.signal)
  await server.close()
}

interface Started {
  readonly url: string
  readonly generatedKey: string | undefined
  readonly givenKey: string | undefined
  readonly dataDir: string
  /** The servers that events are kept at, or undefined when that is the data folder. */
  readonly keptAt: string | undefined
  /** Why programs here would not take its certificate; undefined when they would, and on plain HTTP. */
  readonly distrust: Distrust | undefined
}

/** How to talk to a server of our own over TLS, and whether others here could; undefined when it speaks plain HTTP. */
async function lookAtTls(
  { host, tlsCert }: Config,
  { url, port }: RunningServer,
  context: Context,
): Promise<{ readonly fetch: Context['fetch']; readonly distrust: Distrust | undefined } | undefined> {
  if (tlsCert === undefined) return undefined
  const file = resolve(context.cwd, tlsCert)
  const certificate = ownCertificate({ cert: await readFile(file, 'utf8') })
  const signsForItself = certificate.checkIssued(certificate)
  const distrust = await context.fetch(`${url}/healthz`, { signal: context.signal }).then(
    () => undefined,
    (error: unknown) => {
      const trouble = certificateTrouble(error)
      return trouble && { ...trouble, file: signsForItself ? file : undefined }
    },
  )
  return { fetch: fetchFrom({ address: addressHere(host), port, fingerprint: certificate.fingerprint256 }), distrust }
}

/** What there is to say of a server that was not introduced to its user. */
const UNKNOWN: Introduced = { path: '', made: undefined, stranger: false, trouble: undefined }

/** Says where the server is, and at a first start what there is and what to do next. */
async function announce(job: Serve, started: Started, context: Context): Promise<void> {
  const { url, generatedKey } = started
  const dataDir = resolve(context.cwd, started.dataDir)
  const colours = palette(context.stderr.colour)
  const storage = started.keptAt ?? dataDir
  const found = job.bare ? UNKNOWN : await introduce({ ...started, dataDir }, context)
  if (job.json) {
    const generated = generatedKey === undefined ? {} : { admin_key: generatedKey }
    if (found.made === undefined) {
      return say(context.stdout, JSON.stringify({ started: { url, data_dir: dataDir, ...generated } }))
    }
    const { workspace, key } = found.made
    const line = {
      url,
      workspace_id: workspace.id,
      workspace_slug: workspace.slug,
      api_key: key.api_key,
      ...generated,
      credentials: found.path,
      data_dir: dataDir,
    }
    return say(context.stdout, JSON.stringify({ first_start: line }))
  }
  if (found.made === undefined) {
    await context.stderr.write(startedLine(url, storage, colours))
    // Made now and never shown again: it must be seen even though the rest of a first start did not happen.
    if (generatedKey !== undefined) await context.stderr.write(keptLine(generatedKey, colours))
    if (found.stranger) await context.stderr.write(strangerLines(found.path, colours))
    if (started.distrust !== undefined) await context.stderr.write(distrustLines(started.distrust, colours))
  } else {
    const { workspace, key } = found.made
    await context.stderr.write(
      welcome(
        {
          url,
          workspaceId: workspace.id,
          workspaceSlug: workspace.slug,
          apiKey: key.api_key,
          adminKey: generatedKey,
          credentials: found.path,
          storage,
          distrust: started.distrust,
          command: commandName(context.env),
        },
        colours,
      ),
    )
  }
  if (found.trouble !== undefined)
    await context.stderr.write(formatTold(tell(found.trouble), context.stderr.colour, commandName(context.env)))
}

/**
 * Resolves when the terminal is gone. On SIGTERM and SIGINT the server ends the process by itself; and that nobody reads
 * standard output any more is no reason to stop serving.
 */
function untilHungUp(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const heard = (): void => {
      if (signal.reason === 'SIGHUP') resolve()
    }
    if (signal.aborted) heard()
    signal.addEventListener('abort', heard)
  })
}
