import { type ConnectionState, SwitchboardError } from '@switchboard/sdk'

/** Where the console's stream stands, in the words of its header. */
export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'catching-up'; readonly behind: number }
  | { readonly kind: 'reconnecting'; readonly at: number; readonly why: string }
  | { readonly kind: 'stopped'; readonly code: string; readonly why: string }

/** What the SDK says of the connection; opening says nothing of how far behind the reader is, so it is no change here. */
export function connectionOf(state: ConnectionState, now: number): Connection | undefined {
  switch (state.kind) {
    case 'waiting':
      return { kind: 'reconnecting', at: now + state.delayMs, why: state.error.message }
    case 'connecting':
      return undefined
    case 'open':
      return { kind: 'live' }
    case 'closed':
      return state.error && { kind: 'stopped', code: state.error.code, why: state.error.message }
  }
}

/** It cannot go on, and why. */
export function stoppedBy(error: unknown): Connection & { readonly kind: 'stopped' } {
  const code = error instanceof SwitchboardError ? error.code : 'unknown'
  return { kind: 'stopped', code, why: error instanceof Error ? error.message : String(error) }
}

/** Codes after which the same request cannot succeed. */
const FINAL: ReadonlySet<string> = new Set([
  'forbidden',
  'unauthenticated',
  'credential_expired',
  'credential_revoked',
  'credential_failed',
  'not_found',
  'call_unknown',
  'invalid_parameter',
  'invalid_argument',
  'invalid_position',
])

/** Whether trying again is of no use. */
export function isFinal(error: unknown): boolean {
  return !(error instanceof SwitchboardError) || FINAL.has(error.code)
}
