import type { Fault } from '../log/log.js'
import type { Logger } from '../ops/logging.js'

/** Tells a fault of the storage to the server's log, without ids of calls. */
export function logFault(logger: Logger, { code, channel, from, to, detail }: Fault): void {
  const where = channel && { workspace: channel.workspace, of_a_call: channel.call !== undefined }
  logger.error({ code, detail, from, to, ...where }, 'the storage has a fault')
}
