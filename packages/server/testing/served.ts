/**
 * A server in a process of its own, from source: served.ts. Its settings come from the environment. Says its address on
 * standard output, and its log.
 */

import { startServer } from '../src/main.js'
import { readConfig } from '../src/ops/config.js'
import { createLogger } from '../src/ops/logging.js'

const config = readConfig(process.env)
const { url } = await startServer(config, { ownsProcess: true, logger: createLogger({ level: 'info' }) })
process.stdout.write(`serving ${url}\n`)
