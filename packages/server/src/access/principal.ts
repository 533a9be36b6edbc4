import type { Permission } from '@switchboard/contract'

/** `Principal.keyId` of the admin key. API keys never have it: theirs are longer. */
export const ADMIN_KEY_ID = 'admin'

/** Who a valid credential speaks for. */
export interface Principal {
  readonly kind: 'admin' | 'api-key' | 'access-token'
  /** The one workspace it belongs to; undefined for the admin key, which may act in every workspace. */
  readonly workspace: string | undefined
  /** The key behind it: an access token names the key that asked for it. `admin` for the admin key. */
  readonly keyId: string
  readonly permissions: ReadonlySet<Permission>
  /** The calls an access token is limited to; undefined = all. */
  readonly callSids: ReadonlySet<string> | undefined
  /** An access token's own id (its `jti`); undefined for keys. */
  readonly tokenId?: string | undefined
  /** Unix ms when it expires; undefined = never. */
  readonly expiresAt: number | undefined
}

/**
 * What the transports and routes ask of access. Implemented by `createAccess`.
 */
export interface Gate {
  /**
   * Who this credential (without the word "Bearer") speaks for.
   * @param address The peer's network address: failures are throttled by it.
   * @throws SwitchboardError `unauthenticated`, `credential_expired`, `credential_revoked`, `rate_limited`.
   */
  authenticate(credential: string | undefined, address: string): Promise<Principal>

  /**
   * Returns when the principal may use a permission in a workspace (and on a call).
   * @throws SwitchboardError `forbidden`, the same for another, an unknown and a known workspace.
   */
  authorize(principal: Principal, workspace: string, permission: Permission, callSid?: string): void

  /** Tells of every key that has just been revoked, rotated or deleted, here or at another process. */
  onRevoked(listener: (keyId: string) => void): () => void
}
