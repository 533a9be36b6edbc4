import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino'
import { prettyFactory } from 'pino-pretty'
import type { Config } from './config.js'
import { escapedLine, loggedPath, scrubbedLine, visible, withoutSecrets } from './scrub.js'

export type { Logger } from 'pino'

/** Where lines go: a text that ends with a line feed. */
export interface LogSink {
  write(line: string): void
}

export interface LoggerOptions {
  readonly level: Config['logLevel']
  /** Default: standard output, written before the call returns, so that the last words of a process are not lost. */
  readonly sink?: LogSink
  /** Readable lines instead of JSON. Default: whether standard output is a terminal, unless there is a `sink`. */
  readonly readable?: boolean
}

/**
 * The server's log: one JSON object a line, or a readable line for people.
 *
 * Whatever is logged, secrets do not come out: members that are named like one are replaced, and so is every text of the
 * form of a credential. Nothing that a stranger sent can end a line or steer a terminal.
 */
export function createLogger({ level, sink, readable }: LoggerOptions): Logger {
  const out = sink ?? standardOutput()
  const pretty = readable ?? (sink === undefined && process.stdout.isTTY === true)
  const write = pretty ? readableWriter(out, sink === undefined) : (line: string) => out.write(escapedLine(line))
  const stream: DestinationStream = { write: (line) => write(scrubbedLine(line)) }
  return pino(
    {
      level,
      // No pid and hostname: whoever runs several processes gets both from what runs them.
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: withoutSecrets,
        bindings: withoutSecrets,
      },
      serializers: {
        // The framework binds requests and replies; of both only this is told.
        req: (request: { method?: string; url?: string }) => ({
          method: request.method,
          path: request.url === undefined ? undefined : loggedPath(request.url),
        }),
        // Already made small.
        err: (error: unknown) => error,
        res: (reply: { statusCode?: number }) => ({ status: reply.statusCode }),
      },
    },
    stream,
  )
}

function standardOutput(): LogSink {
  const out = destination({ fd: 1, sync: true })
  // Whoever read the log has gone (`serve | head`): that is no reason to stop serving.
  out.on('error', () => {})
  return out
}

/** In this thread: a worker would lose the last lines of a process that fails. */
function readableWriter(out: LogSink, isTerminal: boolean): (line: string) => void {
  const format = prettyFactory({
    colorize: isTerminal && process.env.NO_COLOR === undefined,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  })
  return (line) => out.write(format(visibleTexts(JSON.parse(line))))
}

/** Readable lines show texts as they are, so control signs go before. A stack keeps its lines. */
function visibleTexts(value: unknown, name = ''): unknown {
  if (typeof value === 'string') {
    return name === 'stack' ? value.split('\n').map(visible).join('\n') : visible(value)
  }
  if (Array.isArray(value)) return value.map((item) => visibleTexts(item))
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, member]) => [visible(key), visibleTexts(member, key)])
  return Object.fromEntries(members)
}

export interface RequestLine {
  readonly method: string
  /** The template of the route, or undefined when no route fitted. */
  readonly route: string | undefined
  readonly status: number
  readonly ms: number
  readonly requestId: string
}

/** The one line of a request that is over: a warning when the server failed, otherwise at `debug`. */
export function logRequest(logger: Logger, { method, route, status, ms, requestId }: RequestLine): void {
  if (status < 500 && !logger.isLevelEnabled('debug')) return
  const line = { method, route: route ?? 'none', status, ms: Math.round(ms * 10) / 10, request_id: requestId }
  if (status >= 500) logger.warn(line, 'request')
  else logger.debug(line, 'request')
}
