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
  /** What a connection was used with last: a publisher that keeps its connection costs one look here, and no more. */
  const last = new WeakMap<
    object,
    { readonly principal: Principal; readonly workspace: string; readonly day: number }
  >()

  return (principal, workspace, request) => {
    const day = Math.floor(clock.now() / DAY_MS)
    // Behind a proxy one connection carries requests of many.
    if (request.headers['x-forwarded-for'] === undefined) {
      const before = last.get(request.socket)
      if (before?.principal === principal && before.workspace === workspace && before.day === day) return
      last.set(request.socket, { principal, workspace, day })
    }
    if (day !== today || known.size >= KNOWN_MAX) known = new Set()
    today = day
    const address = addressOf(request)
    const { keyId, kind } = principal
    const use = `${workspace} ${kind} ${keyId} ${address}`
    if (known.has(use)) return
    known.add(use)
    const date = new Date(day * DAY_MS).toISOString().slice(0, 10)
    void audit.record(workspace, {
      action: 'key.used',
      actor: principal,
      target: { kind: 'key', id: keyId },
      address,
      details: { day: date },
    })
  }
}
