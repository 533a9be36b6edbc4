import {
  type AccessToken,
  isPermission,
  limits,
  PATH_ID_PATTERN,
  type Permission,
  SwitchboardError,
} from '@switchboard/contract'
import { JWTExpired } from 'jose/errors'
import { SignJWT } from 'jose/jwt/sign'
import { jwtVerify } from 'jose/jwt/verify'
import { uuidv7 } from 'uuidv7'
import type { Clock } from '../clock.js'
import { expiredCredential, invalidCredential, revokedCredential } from './api-keys.js'
import { callSidsError, inOrder, permissionsError, refuseIf, wholeNumberError } from './asked.js'
import { requireKey, requireSubset } from './authorize.js'
import type { Principal } from './principal.js'

const ISSUER = 'switchboard'
const AUDIENCE = 'switchboard'
/** The one algorithm. A token's own header is never asked which it would like. */
const ALGORITHM = 'HS256'
/** Of the kind of tokens (RFC 8725, section 3.11): a JWT signed for something else is no access token. */
const TYPE = 'at+jwt'

/** `auth, <token>` must stay within `limits.tokenCharsMax` in a WebSocket handshake. */
const TOKEN_CHARS_MAX = limits.tokenCharsMax - 'auth, '.length

export interface NewAccessToken {
  readonly permissions: readonly Permission[]
  /** The only calls it may observe or publish to. Default: all of the workspace. */
  readonly callSids?: readonly string[] | undefined
  /** Lifetime, 1 to `limits.tokenSecondsMax`. Default `limits.tokenSecondsDefault`. It ends with the key at the latest. */
  readonly ttlSeconds?: number | undefined
}

/**
 * Tokens whose signature has been found good and is not checked again: 60 µs saved on every request, of about 100. 10,000
 * browsers at a time, in about 10 MB.
 */
const VERIFIED_MAX = 10_000

/** Short-lived credentials for browsers. Nothing of them is stored. */
export interface AccessTokens {
  /**
   * Signs a token that is never wider than the key that asks, does not outlive it, and dies with it.
   * @throws SwitchboardError `invalid_request`, `forbidden` (also to access tokens), `credential_revoked`,
   *   `credential_expired` when the key ended meanwhile.
   */
  issue(principal: Principal, workspace: string, asked: NewAccessToken): Promise<AccessToken>
}

/** What a token's life hangs on. */
export interface KeyState {
  /** Changes when the key gets another secret. */
  readonly version: string
  readonly revoked: boolean
  /** Unix ms, or undefined: never. */
  readonly expiresAt: number | undefined
}

export interface AccessTokensOptions {
  readonly clock: Clock
  /** The deployment's signing secret of this moment. */
  readonly secret: () => Uint8Array
  /** The key with this id, or undefined when there is none any more. */
  readonly keyState: (keyId: string) => KeyState | undefined
}

export interface CheckedAccessTokens extends AccessTokens {
  /**
   * Who a token speaks for.
   * @param presented The token's digest.
   * @throws SwitchboardError `unauthenticated`, `credential_expired`, `credential_revoked`.
   */
  authenticate(token: string, presented: Buffer): Promise<Principal>
}

export function createAccessTokens({ clock, secret, keyState }: AccessTokensOptions): CheckedAccessTokens {
  /** By the tokens' digests: what is no secret any more when it leaks. All were signed with `signedWith`. */
  const verifiedClaims = new Map<string, Claims>()
  let signedWith: Uint8Array | undefined

  /** What a token says, once its signature has been found good. What ends it is for the caller to look at, each time. */
  async function claimsOf(token: string, presented: Buffer): Promise<Claims> {
    const current = secret()
    if (current !== signedWith) verifiedClaims.clear()
    signedWith = current
    const name = presented.toString('latin1')
    const known = verifiedClaims.get(name)
    if (known !== undefined) {
      if (clock.now() < (known.principal.expiresAt ?? 0)) return known
      verifiedClaims.delete(name)
    }
    const claims = readClaims(await verified(token, current, clock))
    // It may have changed while the signature was looked at.
    if (signedWith === current) {
      verifiedClaims.set(name, claims)
      if (verifiedClaims.size > VERIFIED_MAX) {
        const oldest = verifiedClaims.keys().next()
        if (!oldest.done) verifiedClaims.delete(oldest.value)
      }
    }
    return claims
  }

  return {
    async issue(principal, workspace, { permissions, callSids, ttlSeconds = limits.tokenSecondsDefault }) {
      requireKey(principal, workspace)
      refuseIf([
        permissionsError(permissions),
        callSidsError(callSids),
        wholeNumberError('/ttl_seconds', ttlSeconds, limits.tokenSecondsMax),
      ])
      requireSubset(principal, permissions)
      const key = keyState(principal.keyId)
      if (key === undefined || key.revoked) throw revokedCredential()
      const now = Math.floor(clock.now() / 1000)
      // Whole seconds, as JWT has it: rounded down, so that a token never outlives its key.
      const expires = Math.min(now + ttlSeconds, Math.floor((key.expiresAt ?? Number.POSITIVE_INFINITY) / 1000))
      if (expires <= now) throw expiredCredential()

      const granted = inOrder(permissions)
      const calls = callSids && [...new Set(callSids)]
      const token = await new SignJWT({
        ws: workspace,
        key: principal.keyId,
        key_version: key.version,
        permissions: granted,
        ...(calls && { call_sids: calls }),
      })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt(now)
        .setExpirationTime(expires)
        .setJti(uuidv7())
        .sign(secret())
      if (token.length > TOKEN_CHARS_MAX) throw tooLong(token.length)
      return {
        access_token: token,
        permissions: granted,
        ...(calls && { call_sids: calls }),
        expires_at: new Date(expires * 1000).toISOString(),
      }
    },

    async authenticate(token, presented) {
      const claims = await claimsOf(token, presented)
      const key = keyState(claims.keyId)
      // The signature fitted, so its holder may hear why it ended.
      if (key === undefined || key.revoked || key.version !== claims.keyVersion) throw revokedCredential()
      if (key.expiresAt !== undefined && key.expiresAt <= clock.now()) throw expiredCredential()
      return claims.principal
    },
  }
}

/**
 * Whether a token's signature is spelt as it was made. Decoders of base64 bear spaces, padding and bits that mean nothing, and
 * a token must have one spelling: nothing else may pass for it.
 */
function isSpeltAsMade(token: string): boolean {
  const signature = token.slice(token.lastIndexOf('.') + 1)
  return Buffer.from(signature, 'base64url').toString('base64url') === signature
}

/** The claims of a token with the right signature, issuer, audience and time. */
async function verified(token: string, secret: Uint8Array, clock: Clock): Promise<Readonly<Record<string, unknown>>> {
  if (!isSpeltAsMade(token)) throw invalidCredential()
  try {
    const { payload } = await jwtVerify(token, secret, {
      algorithms: [ALGORITHM],
      typ: TYPE,
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['exp', 'iat', 'jti'],
      currentDate: new Date(clock.now()),
    })
    return payload
  } catch (error) {
    // jose looks at the time only after the signature has fitted.
    throw error instanceof JWTExpired ? expiredCredential() : invalidCredential()
  }
}

interface Claims {
  readonly keyId: string
  readonly keyVersion: string
  readonly principal: Principal
}

/** @throws SwitchboardError `unauthenticated` for a token that was signed here and yet is not of this form. */
function readClaims(payload: Readonly<Record<string, unknown>>): Claims {
  const { ws: workspace, key: keyId, key_version: keyVersion, permissions, call_sids: callSids, exp, jti } = payload
  if (typeof workspace !== 'string' || typeof keyId !== 'string' || typeof keyVersion !== 'string')
    throw invalidCredential()
  if (typeof exp !== 'number' || !Array.isArray(permissions) || !permissions.every(isPermission))
    throw invalidCredential()
  if (callSids !== undefined && !isCallSids(callSids)) throw invalidCredential()
  const principal: Principal = {
    kind: 'access-token',
    workspace,
    keyId,
    tokenId: typeof jti === 'string' ? jti : undefined,
    permissions: new Set(permissions),
    callSids: callSids && new Set(callSids),
    expiresAt: exp * 1000,
  }
  return { keyId, keyVersion, principal }
}

function isCallSids(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((sid) => typeof sid === 'string' && CALL_SID.test(sid))
}

const CALL_SID = new RegExp(PATH_ID_PATTERN)

function tooLong(chars: number): SwitchboardError {
  const path = '/call_sids'
  const message = `make a token of ${chars} characters, and ${TOKEN_CHARS_MAX} fit a WebSocket handshake: name fewer calls`
  return new SwitchboardError('invalid_request', `${path} ${message}.`, { errors: [{ path, message }] })
}
