/** Who looks, and at which workspace. */
export interface Session {
  readonly credential: string
  readonly workspaceId: string
  readonly workspaceName: string
}

/** Kept by the browser for this tab alone, and gone with it. */
const PLACE = 'switchboard.session'

export function keepSession(session: Session, storage: Storage): void {
  storage.setItem(PLACE, JSON.stringify(session))
}

export function forgetSession(storage: Storage): void {
  storage.removeItem(PLACE)
}

export function keptSession(storage: Storage): Session | undefined {
  try {
    const kept: unknown = JSON.parse(storage.getItem(PLACE) ?? 'null')
    return isSession(kept) ? kept : undefined
  } catch {
    return undefined
  }
}

/** The session a link carries: `#token=<access token>`. The token itself names its workspace; the server checks it. */
export function sessionOfLink(hash: string): Session | undefined {
  const token = new URLSearchParams(hash.replace(/^#/, '')).get('token')
  if (token === null) return undefined
  try {
    const payload = token.split('.')[1] ?? ''
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
    if (typeof claims !== 'object' || claims === null || !('ws' in claims)) return undefined
    if (typeof claims.ws !== 'string') return undefined
    return { credential: token, workspaceId: claims.ws, workspaceName: claims.ws }
  } catch {
    return undefined
  }
}

function isSession(value: unknown): value is Session {
  if (typeof value !== 'object' || value === null) return false
  const { credential, workspaceId, workspaceName } = value as Record<string, unknown>
  return [credential, workspaceId, workspaceName].every((each) => typeof each === 'string' && each !== '')
}
