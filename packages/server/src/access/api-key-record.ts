import { type ApiKey, isPermission, type JsonObject, type Permission } from '@switchboard/contract'
import { inOrder } from './asked.js'
import type { RecordKind } from './live-records.js'
import type { Principal } from './principal.js'
import { sameDigest } from './secret-text.js'

/** Secrets before the present one that are still known as such, so that their holders are told what happened. */
export const RETIRED_DIGESTS_MAX = 3

/** An API key as it is kept: everything but its secret. */
export interface ApiKeyRecord {
  readonly keyId: string
  readonly workspace: string
  readonly name: string
  readonly permissions: readonly Permission[]
  /** Unix ms. */
  readonly createdAt: number
  /** Unix ms, or undefined: never. */
  readonly expiresAt: number | undefined
  /** Unix ms. A revoked key is kept for a while, so that its holder is told `credential_revoked`. */
  readonly revokedAt: number | undefined
  /** Counts rotations. Access tokens name it, and so die with the secret they were asked for with. */
  readonly version: number
  /** SHA-256 of the whole key text. */
  readonly digest: Buffer
  /** Digests of earlier secrets, newest first, `RETIRED_DIGESTS_MAX` at most. */
  readonly retired: readonly Buffer[]
  /** Made once: what requests with this key are answered as. */
  readonly principal: Principal
}

export function apiKeyRecord(about: Omit<ApiKeyRecord, 'principal'>): ApiKeyRecord {
  const { keyId, workspace, permissions, expiresAt } = about
  const principal: Principal = {
    kind: 'api-key',
    workspace,
    keyId,
    permissions: new Set(permissions),
    callSids: undefined,
    expiresAt,
  }
  return { ...about, principal }
}

/** How a presented key stands to a record. */
export type Match = 'current' | 'retired' | 'none'

/** Compares with every digest a record may have, so that the time taken does not tell which one fitted. */
export function match(record: ApiKeyRecord, presented: Buffer): Match {
  const current = sameDigest(record.digest, presented)
  let retired = false
  for (let index = 0; index < RETIRED_DIGESTS_MAX; index += 1) {
    retired = sameDigest(record.retired[index] ?? nobody.digest, presented) || retired
  }
  if (current) return 'current'
  return retired ? 'retired' : 'none'
}

/** What an unknown key id is compared with, so that it takes the same path as a known one. No text has this digest. */
export const nobody: ApiKeyRecord = apiKeyRecord({
  keyId: 'nobody',
  workspace: '',
  name: '',
  permissions: [],
  createdAt: 0,
  expiresAt: undefined,
  revokedAt: undefined,
  version: 0,
  digest: Buffer.alloc(32),
  retired: [],
})

export function describe({ keyId, name, permissions, createdAt, expiresAt }: ApiKeyRecord): ApiKey {
  return {
    key_id: keyId,
    name,
    permissions: [...permissions],
    created_at: new Date(createdAt).toISOString(),
    expires_at: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
  }
}

export const apiKeyKind: RecordKind<ApiKeyRecord> = {
  kind: 'api-key',
  write: ({ workspace, name, permissions, createdAt, expiresAt, revokedAt, version, digest, retired }) => ({
    workspace,
    name,
    permissions,
    created_at: createdAt,
    expires_at: expiresAt ?? null,
    revoked_at: revokedAt ?? null,
    version,
    sha256: digest.toString('hex'),
    retired_sha256: retired.map((old) => old.toString('hex')),
  }),
  read(keyId, stored: JsonObject) {
    const { workspace, name, permissions, created_at, expires_at, revoked_at, version, sha256, retired_sha256 } = stored
    if (typeof workspace !== 'string' || typeof name !== 'string' || typeof created_at !== 'number') return undefined
    if (typeof version !== 'number' || !Array.isArray(permissions) || !isDigest(sha256)) return undefined
    // An end that cannot be read must not become "never".
    if (!isInstantOrNull(expires_at) || !isInstantOrNull(revoked_at)) return undefined
    return apiKeyRecord({
      keyId,
      workspace,
      name,
      permissions: inOrder(permissions.filter(isPermission)),
      createdAt: created_at,
      expiresAt: expires_at ?? undefined,
      revokedAt: revoked_at ?? undefined,
      version,
      digest: Buffer.from(sha256, 'hex'),
      retired: (Array.isArray(retired_sha256) ? retired_sha256 : [])
        .filter(isDigest)
        .map((old) => Buffer.from(old, 'hex')),
    })
  },
}

function isDigest(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}

function isInstantOrNull(value: unknown): value is number | null {
  return value === null || typeof value === 'number'
}
