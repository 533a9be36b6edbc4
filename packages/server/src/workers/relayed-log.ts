import type { Config } from '../ops/config.js'
import { createLogger, type Logger } from '../ops/logging.js'

/** A worker's logger. Its lines go to the parent, so that a server has one log, wherever that goes. */
export function createRelayedLogger(level: Config['logLevel'], send: (line: string) => void): Logger {
  return createLogger({ level, sink: { write: send } })
}

/** Writes a line of a worker to the server's log. */
export function relay(line: string, logger: Logger, worker: number): void {
  const {
    level,
    time: _,
    msg,
    ...members
  } = JSON.parse(line) as { level: Config['logLevel'] } & Record<string, unknown>
  if (level !== 'silent') logger[level]({ ...members, worker }, typeof msg === 'string' ? msg : undefined)
}
