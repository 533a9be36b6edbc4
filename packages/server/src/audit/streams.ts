import { formatPosition, type JsonObject } from '@switchboard/contract'
import type { StartPoint } from '../fanout/resume.js'
import type { SessionRequest, SessionWatch } from '../transport/sessions.js'
import type { Audit } from './audit.js'

/** Notes every stream that has got its seat, and how it ended. */
export function auditStreams(audit: Audit): SessionWatch & { readonly open: number } {
  let open = 0
  return {
    get open() {
      return open
    },
    opened(number, request) {
      open += 1
      const { asked } = request
      note(audit, request, 'opened', {
        // Which filters, and never what they look for: an entity may be a person.
        filters: Object.keys(asked?.view.fields ?? {}),
        from: asked === undefined ? null : startText(asked.start),
        stream: number,
        types: asked?.view.types ?? null,
      })
    },
    ended(number, request, { openedAt, endedAt, code }) {
      open -= 1
      const { position } = request.facts()
      note(audit, request, 'ended', {
        delivered: request.delivered?.() ?? null,
        duration_ms: Math.max(0, endedAt - openedAt),
        opened_at: new Date(openedAt).toISOString(),
        position: position && formatPosition(position),
        reason: code ?? 'client',
        stream: number,
      })
    },
  }
}

function note(audit: Audit, request: SessionRequest, what: 'opened' | 'ended', details: JsonObject): void {
  const { workspace, kind, principal, asked } = request
  const { connectionId, callSid, masked } = request.facts()
  audit.note(workspace, {
    action: kind === 'observer' ? `observer.${what}` : `stream.${what}`,
    actor: principal,
    target: callSid === null ? undefined : { id: callSid, kind: 'call' },
    personalData: masked ? 'masked' : 'clear',
    requestId: connectionId,
    address: asked?.address,
    details,
  })
}

function startText(start: StartPoint): string {
  if (start.kind === 'after') return formatPosition(start.position)
  return start.kind === 'from' ? new Date(start.time).toISOString() : start.kind
}
