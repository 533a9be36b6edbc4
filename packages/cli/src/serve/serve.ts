import { resolve } from 'node:path'
import { configWarnings, createLogger, readConfig, startServer } from '@switchboard/server'
import { commandName } from '../command-name.js'
import { type Context, say } from '../context.js'
import { tell } from '../failure.js'
import { palette } from '../render/palette.js'
import { formatTold } from '../render/told.js'
import { introduce } from './introduce.js'
import { keptLine, startedLine, strangerLines, welcome } from './welcome.js'

export interface Serve {
  /** As they were typed, by their names in the server's table, which reads them together with the environment. */
  readonly flags: Readonly<Record<string, string>>
  /** Logs and announcements as JSON lines, also on a terminal. */
  readonly json: boolean
}

/** Starts a server and stays until it is stopped. @throws what a start can fail with, each with one line for people. */
export async function serve(job: Serve, context: Context): Promise<void> {
  const config = readConfig(context.env, job.flags)
  const logger = createLogger({ level: config.logLevel, ...(job.json ? { readable: false } : {}) })
  for (const warning of configWarnings(context.env, config)) logger.warn(warning)
  const server = await startServer(config, { logger, ownsProcess: true })
  try {
    await announce(
      job,
      { url: server.url, generatedKey: server.adminKey, givenKey: config.adminKey, dataDir: config.dataDir },
      context,
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
}

/** Says where the server is, and at a first start what there is and what to do next. */
async function announce(job: Serve, started: Started, context: Context): Promise<void> {
  const { url, generatedKey } = started
  const dataDir = resolve(context.cwd, started.dataDir)
  const colours = palette(context.stderr.colour)
  const found = await introduce({ ...started, dataDir }, context)
  const storage = dataDir
  if (job.json) {
    if (found.made === undefined) return say(context.stdout, JSON.stringify({ started: { url, data_dir: dataDir } }))
    const { workspace, key } = found.made
    const line = {
      url,
      workspace_id: workspace.id,
      workspace_slug: workspace.slug,
      api_key: key.api_key,
      ...(generatedKey === undefined ? {} : { admin_key: generatedKey }),
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
