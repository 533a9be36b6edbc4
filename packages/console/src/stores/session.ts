/** Who looks, and at which workspace. */
export interface Session {
  readonly credential: string
  readonly workspaceId: string
  readonly workspaceName: string
}

/** Who is signed in, in one or several workspaces, and which of them is looked at. */
export interface Sessions {
  readonly all: readonly Session[]
  /** The workspace that is shown. */
  readonly current: string | undefined
}

export const nobody: Sessions = { all: [], current: undefined }

/** Kept by the browser for this tab alone, and gone with it. */
const PLACE = 'switchboard.sessions'

export function currentOf({ all, current }: Sessions): Session | undefined {
  return all.find(({ workspaceId }) => workspaceId === current)
}

/** With this session, in place of another in the same workspace, and looking at it. */
export function signedIn(sessions: Sessions, ...added: readonly [Session, ...Session[]]): Sessions {
  const ids = new Set(added.map(({ workspaceId }) => workspaceId))
  const others = sessions.all.filter(({ workspaceId }) => !ids.has(workspaceId))
  return { all: [...others, ...added], current: added[0].workspaceId }
}

export function signedOut(sessions: Sessions, workspaceId: string): Sessions {
  const all = sessions.all.filter((each) => each.workspaceId !== workspaceId)
  return { all, current: all[0]?.workspaceId }
}

export function keepSessions(sessions: Sessions, storage: Storage): void {
  storage.setItem(PLACE, JSON.stringify(sessions))
}

export function keptSessions(storage: Storage): Sessions {
  try {
    return readSessions(JSON.parse(storage.getItem(PLACE) ?? 'null')) ?? nobody
  } catch {
    return nobody
  }
}

/** What another tab or an older page left, when it is that. */
export function readSessions(value: unknown): Sessions | undefined {
  if (typeof value !== 'object' || value === null || !('all' in value) || !Array.isArray(value.all)) return undefined
  const all = value.all.filter(isSession)
  const current = 'current' in value ? value.current : undefined
  return {
    all,
    current: all.some(({ workspaceId }) => workspaceId === current) ? String(current) : all[0]?.workspaceId,
  }
}

/** What an access token says of itself; the server checks it. */
export interface TokenClaims {
  readonly workspaceId: string
  /** Unix ms. */
  readonly expiresAt: number | undefined
}

/** Undefined for anything but an access token, an API key among them. */
export function claimsOf(credential: string): TokenClaims | undefined {
  try {
    const payload = credential.split('.')[1] ?? ''
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
    if (typeof claims !== 'object' || claims === null || !('ws' in claims) || typeof claims.ws !== 'string')
      return undefined
    const expires = 'exp' in claims && typeof claims.exp === 'number' ? claims.exp * 1000 : undefined
    return { workspaceId: claims.ws, expiresAt: expires }
  } catch {
    return undefined
  }
}

/** The credential a link carries: `#token=<access token>`. */
export function tokenOfLink(hash: string): string | undefined {
  return new URLSearchParams(hash.replace(/^#/, '')).get('token') ?? undefined
}

function isSession(value: unknown): value is Session {
  if (typeof value !== 'object' || value === null) return false
  const { credential, workspaceId, workspaceName } = value as Record<string, unknown>
  return [credential, workspaceId, workspaceName].every((each) => typeof each === 'string' && each !== '')
}
