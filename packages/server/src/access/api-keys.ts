import { type ApiKey, type ApiKeyWithSecret, limits, type Permission, SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import type { Store } from '../log/log.js'
import {
  type ApiKeyRecord,
  apiKeyKind,
  apiKeyRecord,
  describe,
  match,
  nobody,
  RETIRED_DIGESTS_MAX,
} from './api-key-record.js'
import { inOrder, nameError, permissionsError, refuseIf, wholeNumberError } from './asked.js'
import { authorize, requireKey, requireSubset } from './authorize.js'
import { createTurns } from './in-turn.js'
import { type Opened, openRecords } from './live-records.js'
import type { Principal } from './principal.js'
import { digest, keyIdOf, newApiKey, newKeyId, sameDigest } from './secret-text.js'

const DAY_MS = 24 * 60 * 60 * 1000
/** A revoked key is remembered this long; after it, its holder is told that the credential is not valid. */
const REVOKED_KEPT_MS = 30 * DAY_MS

export interface NewApiKey {
  readonly name: string
  readonly permissions: readonly Permission[]
  /** Days until it expires, 1 to `limits.keyDaysMax`. Default: never. */
  readonly durationDays?: number | undefined
}

/** The API keys of workspaces. Every method asks for `keys:manage` in the workspace, and throws `forbidden` without it. */
export interface ApiKeys {
  /**
   * A key no wider than the one that asks. The answer holds its secret, this once.
   * @throws SwitchboardError `invalid_request`, `forbidden` (also to access tokens: a key would outlive them).
   */
  create(principal: Principal, workspace: string, asked: NewApiKey): Promise<ApiKeyWithSecret>
  /** Keys that are not revoked, expired ones included, in the order they were created, without their secrets. */
  list(principal: Principal, workspace: string): Promise<readonly ApiKey[]>
  /** Ends a key, its access tokens and their streams. @throws SwitchboardError `not_found`. */
  revoke(principal: Principal, workspace: string, keyId: string): Promise<void>
  /**
   * Gives a key a new secret and ends the old one, its access tokens and their streams. Name, permissions and expiry stay.
   * @throws SwitchboardError `not_found` (also when it has expired), `forbidden` when the key may do more than the asker.
   */
  rotate(principal: Principal, workspace: string, keyId: string): Promise<ApiKeyWithSecret>
}

export interface OpenedApiKeys extends ApiKeys, Opened {
  /** Who a presented key speaks for. @throws SwitchboardError `unauthenticated`, `credential_expired`, `credential_revoked`. */
  authenticate(credential: string, presented: Buffer): Principal
  /** The same, or undefined where that would throw. */
  recognise(credential: string, presented: Buffer): Principal | undefined
  /** A key that may be revoked or expired, or undefined when there never was one, or long ago. */
  find(keyId: string): ApiKeyRecord | undefined
}

/** @param ended Told once a key is revoked, rotated or deleted, wherever that was done. */
export async function openApiKeys(
  store: Store,
  clock: Clock,
  options: { readonly ended: (keyId: string) => void; readonly warn: (line: string) => void },
): Promise<OpenedApiKeys> {
  const inTurn = createTurns()
  const records = await openRecords(store, apiKeyKind, {
    warn: options.warn,
    changed(keyId, before, after) {
      if (before === undefined || before.revokedAt !== undefined) return
      if (after === undefined || after.revokedAt !== undefined || after.version !== before.version) options.ended(keyId)
    },
  })

  function* ofWorkspace(workspace: string): Generator<ApiKeyRecord> {
    for (const record of records.values()) if (record.workspace === workspace) yield record
  }

  function isExpired({ expiresAt }: ApiKeyRecord): boolean {
    return expiresAt !== undefined && expiresAt <= clock.now()
  }

  /** The record, if it is a key of the workspace that is not revoked. */
  function presentIn(workspace: string, record: ApiKeyRecord | undefined): ApiKeyRecord {
    if (record?.workspace === workspace && record.revokedAt === undefined) return record
    throw new SwitchboardError('not_found', 'The workspace has no API key with this id.')
  }

  /** Revoked keys whose time of being remembered is over. */
  async function forget(): Promise<void> {
    const before = clock.now() - REVOKED_KEPT_MS
    const gone = [...records.values()].filter(({ revokedAt }) => revokedAt !== undefined && revokedAt < before)
    for (const { keyId } of gone) await records.delete(keyId)
  }

  return {
    async create(principal, workspace, { name, permissions, durationDays }) {
      authorize(principal, workspace, 'keys:manage')
      requireKey(principal, workspace)
      refuseIf([
        nameError(name),
        permissionsError(permissions),
        wholeNumberError('/duration_days', durationDays, limits.keyDaysMax),
      ])
      requireSubset(principal, permissions)
      return inTurn(async () => {
        await store.refresh()
        await forget()
        const kept = [...ofWorkspace(workspace)].filter(({ revokedAt }) => revokedAt === undefined).length
        if (kept >= limits.keysPerWorkspaceMax) {
          const detail = `The workspace has its maximum of ${limits.keysPerWorkspaceMax} API keys. Revoke one first.`
          throw new SwitchboardError('invalid_request', detail)
        }
        for (;;) {
          const keyId = newKeyId()
          const apiKey = newApiKey(keyId)
          const now = clock.now()
          const record = apiKeyRecord({
            keyId,
            workspace,
            name,
            permissions: inOrder(permissions),
            createdAt: now,
            expiresAt: durationDays === undefined ? undefined : now + durationDays * DAY_MS,
            revokedAt: undefined,
            version: 1,
            digest: digest(apiKey),
            retired: [],
          })
          if (await records.put(keyId, record, { ifAbsent: true })) return { api_key: apiKey, ...describe(record) }
        }
      })
    },

    async list(principal, workspace) {
      authorize(principal, workspace, 'keys:manage')
      await store.refresh()
      return [...ofWorkspace(workspace)]
        .filter(({ revokedAt }) => revokedAt === undefined)
        .sort((a, b) => a.createdAt - b.createdAt || (a.keyId < b.keyId ? -1 : 1))
        .map(describe)
    },

    async revoke(principal, workspace, keyId) {
      authorize(principal, workspace, 'keys:manage')
      await store.refresh()
      await records.change(keyId, (record) => apiKeyRecord({ ...presentIn(workspace, record), revokedAt: clock.now() }))
    },

    async rotate(principal, workspace, keyId) {
      authorize(principal, workspace, 'keys:manage')
      requireKey(principal, workspace)
      await store.refresh()
      const apiKey = newApiKey(keyId)
      const rotated = await records.change(keyId, (present) => {
        const record = presentIn(workspace, present)
        // Whoever rotates a key holds it afterwards: a narrow key must not come by a wide one.
        requireSubset(principal, record.permissions)
        if (isExpired(record)) {
          throw new SwitchboardError('not_found', 'This API key has expired, and its expiry stays. Create a new one.')
        }
        return apiKeyRecord({
          ...record,
          version: record.version + 1,
          digest: digest(apiKey),
          retired: [record.digest, ...record.retired].slice(0, RETIRED_DIGESTS_MAX),
        })
      })
      return { api_key: apiKey, ...describe(rotated) }
    },

    authenticate(credential, presented) {
      const record = records.get(keyIdOf(credential) ?? '') ?? nobody
      const found = match(record, presented)
      if (found === 'none') throw invalidCredential()
      if (found === 'retired' || record.revokedAt !== undefined) throw revokedCredential()
      if (isExpired(record)) throw expiredCredential()
      return record.principal
    },

    recognise(credential, presented) {
      const record = records.get(keyIdOf(credential) ?? '') ?? nobody
      if (!sameDigest(record.digest, presented) || record.revokedAt !== undefined) return undefined
      return isExpired(record) ? undefined : record.principal
    },

    find: (keyId) => records.get(keyId),
    count: () => records.size,
    close: records.close,
  }
}

/** The same words whatever is wrong with it. */
export function invalidCredential(): SwitchboardError {
  return new SwitchboardError('unauthenticated', 'The credential is not valid.')
}

export function revokedCredential(): SwitchboardError {
  return new SwitchboardError('credential_revoked', 'The credential was revoked or rotated. Use the new one.')
}

export function expiredCredential(): SwitchboardError {
  return new SwitchboardError('credential_expired', 'The credential has expired. Ask for a new one.')
}
