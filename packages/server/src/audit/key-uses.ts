import type { IncomingMessage } from 'node:http'
import type { Principal } from '../access/principal.js'
import type { Clock } from '../clock.js'
import type { Audit } from './audit.js'

const DAY_MS = 24 * 60 * 60 * 1000
/** Uses of a day that are known to have been noted: about 20 MB. With more, some are noted again. */
const KNOWN_MAX = 100_000

/** Notes the first use of a credential from an address on a day (UTC), in a workspace. To be called for every request. */
export type NoteUse = (
  principal: Principal,
  workspace: string,
  request: Pick<IncomingMessage, 'headers' | 'socket'>,
) => void

export function auditKeyUses(
  audit: Audit,
  clock: Clock,
  addressOf: (request: Pick<IncomingMessage, 'headers' | 'socket'>) => string,
): NoteUse {
  let today = 0
  let known = new Set<string>()

  return (principal, workspace, request) => {
    const day = Math.floor(clock.now() / DAY_MS)
    if (day !== today || known.size >= KNOWN_MAX) known = new Set()
    today = day
    // Asked of every request: this is all that a published event costs here.
    const { keyId, kind } = principal
    const { socket, headers } = request
    const peer = headers['x-forwarded-for'] === undefined ? socket.remoteAddress : addressOf(request)
    const use = `${workspace} ${kind} ${keyId} ${peer}`
    if (known.has(use)) return
    known.add(use)
    audit.note(workspace, {
      action: 'key.used',
      actor: principal,
      target: { kind: 'key', id: keyId },
      address: addressOf(request),
      details: { day: new Date(day * DAY_MS).toISOString().slice(0, 10) },
    })
  }
}
