import type { Fault } from '../log/log.js'
import type { Logger } from '../ops/logging.js'

/** What to do, by what is wrong. What mends itself needs nothing. */
const ADVICE: Partial<Record<Fault['code'], string>> = {
  damaged:
    'The rest is served, and readers are told of a gap. To have it back, stop the server and `switchboard restore` a back-up into another folder.',
  storage_full: 'Make room on the disk: appends are taken again by themselves.',
  storage_fault: 'Look at the disk, then restart. When it does not start, `switchboard restore` a back-up.',
}

/** Tells a fault of the storage to the server's log, without ids of calls. */
export function logFault(logger: Logger, { code, channel, from, to, detail }: Fault): void {
  const where = channel && { workspace: channel.workspace, of_a_call: channel.call !== undefined }
  const advice = ADVICE[code]
  logger.error({ code, detail, from, to, ...where, ...(advice && { advice }) }, 'the storage has a fault')
}
