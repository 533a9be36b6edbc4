import { limits, permissionNames, SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import type { Store } from '../log/log.js'
import { type AccessTokens, createAccessTokens, type KeyState } from './access-tokens.js'
import { type ApiKeys, invalidCredential, openApiKeys } from './api-keys.js'
import { authorize } from './authorize.js'
import { mayBeNew } from './credential.js'
import { createHolds, type Holds } from './holds.js'
import { ADMIN_KEY_ID, type Gate, type Principal } from './principal.js'
import { createSeal } from './sealing.js'
import { digest, looksLikeApiKey, sameDigest } from './secret-text.js'
import { openSecrets, type Secrets } from './secrets.js'
import { openSigningSecret } from './signing-secret.js'
import { createThrottle, type Throttle } from './throttle.js'
import { openWorkspaces, type Workspaces } from './workspaces.js'

export interface AccessOptions {
  readonly store: Store
  readonly clock: Clock
  /** SHA-256 of the admin key (`digest`), or what gives the present one: the server never needs the key itself. */
  readonly adminKeyDigest: Buffer | (() => Buffer)
  /** What secrets are sealed with, `SEALING_KEY_BYTES` long. Every process of the deployment needs the same. */
  readonly sealingKey: Buffer
  /** Counts failed credentials. Default: those of this process. */
  readonly throttle?: Throttle
  /** Told, in one line without secrets, of stored records that cannot be read. */
  readonly warn: (line: string) => void
}

/** Who may do what: the gate that every request and stream passes, and what is behind it. */
export interface Access extends Gate {
  readonly workspaces: Workspaces
  readonly apiKeys: ApiKeys
  readonly accessTokens: AccessTokens
  readonly secrets: Secrets
  readonly holds: Holds
  /**
   * Who an API key speaks for, at once; undefined when it is not valid, or no API key. Nothing is counted as a failure:
   * `authenticate` says what is wrong, and finds what another process has just made.
   */
  recognise(credential: string): Principal | undefined
  /** What people call a key, also one that has ended; undefined for the admin key and for keys that were never made. */
  keyName(keyId: string): string | undefined
  /** For digests that nobody else can make: the same at all processes, after a restart, and after a move to another engine. */
  secret(): Uint8Array
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
  const { store, clock, adminKeyDigest, warn, throttle = createThrottle(clock) } = options
  const adminDigest = typeof adminKeyDigest === 'function' ? adminKeyDigest : () => adminKeyDigest
  const listeners = new Set<(keyId: string) => void>()
  const ended = (keyId: string) => {
    for (const listener of listeners) listener(keyId)
  }
  const seal = createSeal(options.sealingKey)
  const workspaces = await openWorkspaces(store, clock, warn)
  const apiKeys = await openApiKeys(store, clock, { ended, warn })
  const secrets = await openSecrets(store, clock, seal, warn)
  const signing = await openSigningSecret(store, seal, warn)
  /** How often the store has told of something. Opened last, so that all others have taken a change in before it counts. */
  let changes = 0
  const unwatch = store.watch(() => {
    changes += 1
  })
  const admin: Principal = {
    kind: 'admin',
    workspace: undefined,
    keyId: ADMIN_KEY_ID,
    permissions: new Set(permissionNames),
    callSids: undefined,
    expiresAt: undefined,
  }
  // Another admin key ends the access tokens that the one before asked for.
  const adminState = (): KeyState => ({
    version: digest(adminDigest().toString('hex')).toString('hex').slice(0, 16),
    revoked: false,
    expiresAt: undefined,
  })

  const accessTokens = createAccessTokens({
    clock,
    secret: signing.current,
    keyState(keyId) {
      if (keyId === ADMIN_KEY_ID) return adminState()
      const key = apiKeys.find(keyId)
      return key && { version: String(key.version), revoked: key.revokedAt !== undefined, expiresAt: key.expiresAt }
    },
  })

  async function verify(credential: string): Promise<Principal> {
    // 1. Nothing valid is longer: what a stranger may make us hash is bounded.
    if (credential.length > limits.tokenCharsMax) throw invalidCredential()
    // 2. One digest serves both comparisons. The admin key has no form of its own, so it comes first.
    const presented = digest(credential)
    if (sameDigest(adminDigest(), presented)) return admin
    // 3. Known and unknown key ids take the same path.
    if (looksLikeApiKey(credential)) return apiKeys.authenticate(credential, presented)
    return accessTokens.authenticate(credential, presented)
  }

  async function attempt(credential: string): Promise<Principal | SwitchboardError> {
    try {
      return await verify(credential)
    } catch (error) {
      if (error instanceof SwitchboardError) return error
      throw error
    }
  }

  return {
    workspaces,
    apiKeys,
    accessTokens,
    secrets,
    holds: createHolds(store, clock),

    async authenticate(credential, address) {
      // No guess was made, so none is counted.
      if (credential === undefined || credential === '') throw missing()
      const before = changes
      // Verified before the throttle is asked: behind one address there may be many, and a valid credential always passes.
      let found = await attempt(credential)
      if (found instanceof SwitchboardError && mayBeNew(credential, found.code) && !throttle.isSpent(address)) {
        // Another process may have made it a moment ago. The store asks once for all who wait, and for no address that has
        // failed too often. Without an answer (`unavailable`) nobody is told that a credential is not valid.
        await store.refresh()
        if (changes !== before) found = await attempt(credential)
      }
      if (!(found instanceof SwitchboardError)) return found
      throttle.failed(address)
      throw found
    },

    recognise(credential) {
      if (!looksLikeApiKey(credential) || credential.length > limits.tokenCharsMax) return undefined
      const presented = digest(credential)
      return sameDigest(adminDigest(), presented) ? undefined : apiKeys.recognise(credential, presented)
    },

    authorize,

    onRevoked(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },

    secret: signing.current,
    keyName: (keyId) => apiKeys.find(keyId)?.name,
    counts: () => ({ workspaces: workspaces.count(), api_keys: apiKeys.count(), secrets: secrets.count() }),

    close() {
      workspaces.close()
      apiKeys.close()
      secrets.close()
      signing.close()
      unwatch()
      listeners.clear()
    },
  }
}

function missing(): SwitchboardError {
  return new SwitchboardError('unauthenticated', 'Send an API key or access token: Authorization: Bearer <credential>.')
}
