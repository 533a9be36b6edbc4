import { limits, permissionNames, SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import type { Store } from '../log/log.js'
import { type AccessTokens, createAccessTokens, type KeyState } from './access-tokens.js'
import { type ApiKeys, invalidCredential, openApiKeys } from './api-keys.js'
import { authorize } from './authorize.js'
import type { Gate, Principal } from './principal.js'
import { createSeal } from './sealing.js'
import { digest, looksLikeApiKey, sameDigest } from './secret-text.js'
import { openSecrets, type Secrets } from './secrets.js'
import { openSigningSecret } from './signing-secret.js'
import { createThrottle } from './throttle.js'
import { openWorkspaces, type Workspaces } from './workspaces.js'

/** `Principal.keyId` of the admin key. API keys never have it: theirs are longer. */
const ADMIN = 'admin'

export interface AccessOptions {
  readonly store: Store
  readonly clock: Clock
  /** SHA-256 of the admin key (`digest`): the server never needs the key itself. */
  readonly adminKeyDigest: Buffer
  /** What secrets are sealed with, `SEALING_KEY_BYTES` long. Every process of the deployment needs the same. */
  readonly sealingKey: Buffer
  /** Told, in one line without secrets, of stored records that cannot be read. */
  readonly warn: (line: string) => void
}

/** Who may do what: the gate that every request and stream passes, and what is behind it. */
export interface Access extends Gate {
  readonly workspaces: Workspaces
  readonly apiKeys: ApiKeys
  readonly accessTokens: AccessTokens
  readonly secrets: Secrets
  /** How many records there are of what, revoked keys included. For metrics. */
  counts(): { readonly workspaces: number; readonly api_keys: number; readonly secrets: number }
  /** Follows the store no more. */
  close(): void
}

/**
 * Loads everything of access into memory and follows its changes, whichever process makes them: a request is let in or
 * refused without a look at the disk.
 */
export async function createAccess(options: AccessOptions): Promise<Access> {
  const { store, clock, adminKeyDigest, warn } = options
  const listeners = new Set<(keyId: string) => void>()
  const ended = (keyId: string) => {
    for (const listener of listeners) listener(keyId)
  }
  const seal = createSeal(options.sealingKey)
  const workspaces = await openWorkspaces(store, clock, warn)
  const apiKeys = await openApiKeys(store, clock, { ended, warn })
  const secrets = await openSecrets(store, clock, seal, warn)
  const signing = await openSigningSecret(store, seal, warn)
  const throttle = createThrottle(clock)

  const admin: Principal = {
    kind: 'admin',
    workspace: undefined,
    keyId: ADMIN,
    permissions: new Set(permissionNames),
    callSids: undefined,
    expiresAt: undefined,
  }
  // Another admin key ends the access tokens that the one before asked for.
  const adminState: KeyState = {
    version: digest(adminKeyDigest.toString('hex')).toString('hex').slice(0, 16),
    revoked: false,
    expiresAt: undefined,
  }

  const accessTokens = createAccessTokens({
    clock,
    secret: signing.current,
    keyState(keyId) {
      if (keyId === ADMIN) return adminState
      const key = apiKeys.find(keyId)
      return key && { version: String(key.version), revoked: key.revokedAt !== undefined, expiresAt: key.expiresAt }
    },
  })

  async function verify(credential: string): Promise<Principal> {
    // 1. Nothing valid is longer: what a stranger may make us hash is bounded.
    if (credential.length > limits.tokenCharsMax) throw invalidCredential()
    // 2. One digest serves both comparisons. The admin key has no form of its own, so it comes first.
    const presented = digest(credential)
    if (sameDigest(adminKeyDigest, presented)) return admin
    // 3. Known and unknown key ids take the same path.
    if (looksLikeApiKey(credential)) return apiKeys.authenticate(credential, presented)
    return accessTokens.authenticate(credential, presented)
  }

  return {
    workspaces,
    apiKeys,
    accessTokens,
    secrets,

    async authenticate(credential, address) {
      // No guess was made, so none is counted.
      if (credential === undefined || credential === '') throw missing()
      try {
        // Verified before the throttle is asked: behind one address there may be many, and a valid credential always passes.
        return await verify(credential)
      } catch (error) {
        if (error instanceof SwitchboardError) throttle.failed(address)
        throw error
      }
    },

    authorize,

    onRevoked(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },

    counts: () => ({ workspaces: workspaces.count(), api_keys: apiKeys.count(), secrets: secrets.count() }),

    close() {
      workspaces.close()
      apiKeys.close()
      secrets.close()
      signing.close()
      listeners.clear()
    },
  }
}

function missing(): SwitchboardError {
  return new SwitchboardError('unauthenticated', 'Send an API key or access token: Authorization: Bearer <credential>.')
}
