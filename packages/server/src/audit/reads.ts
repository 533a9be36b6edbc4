import type { AuditAction, RouteId } from '@switchboard/contract'
import type { Principal } from '../access/principal.js'
import type { Clock } from '../clock.js'
import { mustMask } from '../transport/redaction.js'
import type { Audit, AuditEntry } from './audit.js'

/** Routes that show personal data, or the trail itself. */
export const READS = {
  readEvents: 'history.read',
  readCallEvents: 'history.read',
  getState: 'state.read',
  listCalls: 'state.read',
  getCall: 'state.read',
  listOperators: 'state.read',
  listSurfaces: 'state.read',
  listDataSources: 'state.read',
  listAudit: 'audit.read',
} as const satisfies Partial<Record<RouteId, AuditAction>>

/** Reads of one credential, route, call and address within this time are counted together, in ms. */
export const WINDOW_MS = 60_000
/** Windows that are open at once: about 5 MB. One more closes the oldest. */
const WINDOWS_MAX = 10_000

export interface Read {
  readonly workspace: string
  readonly route: keyof typeof READS
  readonly callSid: string | undefined
  readonly principal: Principal
  readonly requestId: string
  readonly address: string
}

/** Notes reads: the first of a window at once, so that a crash hides nobody, and how many followed when the window ends. */
export interface Reads {
  note(read: Read): void
  /** Ends all windows. */
  close(): void
}

interface Window {
  readonly workspace: string
  readonly entry: AuditEntry
  readonly since: number
  more: number
  readonly cancel: () => void
}

export function auditReads(audit: Audit, clock: Clock): Reads {
  /** The oldest first. */
  const windows = new Map<string, Window>()

  function end(name: string, { workspace, entry, since, more, cancel }: Window): void {
    cancel()
    windows.delete(name)
    if (more === 0) return
    const details = { ...entry.details, count: more, since: new Date(since).toISOString() }
    audit.note(workspace, { ...entry, requestId: undefined, details })
  }

  return {
    note({ workspace, route, callSid, principal, requestId, address }) {
      const masked = mustMask(principal)
      const { keyId, tokenId } = principal
      const name = JSON.stringify([workspace, route, callSid, keyId, tokenId, masked, address])
      const open = windows.get(name)
      if (open) {
        open.more += 1
        return
      }
      const entry: AuditEntry = {
        action: READS[route],
        actor: principal,
        target: callSid === undefined ? undefined : { kind: 'call', id: callSid },
        personalData: READS[route] === 'audit.read' ? 'none' : masked ? 'masked' : 'clear',
        address,
        details: { route },
      }
      audit.note(workspace, { ...entry, requestId, details: { route, count: 1 } })
      const [oldest] = windows.size >= WINDOWS_MAX ? windows : []
      if (oldest) end(...oldest)
      const cancel = clock.after(WINDOW_MS, () => {
        const over = windows.get(name)
        if (over) end(name, over)
      })
      windows.set(name, { workspace, entry, since: clock.now(), more: 0, cancel })
    },
    close() {
      for (const [name, window] of windows) end(name, window)
    },
  }
}
