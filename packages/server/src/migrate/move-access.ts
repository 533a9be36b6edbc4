import { join } from 'node:path'
import type { JsonObject, Workspace } from '@switchboard/contract'
import { apiKeyKind } from '../access/api-key-record.js'
import { createSeal, type Seal } from '../access/sealing.js'
import { secretKind } from '../access/secrets.js'
import { SIGNING_PLACE, SIGNING_SECRET } from '../access/signing-secret.js'
import { workspaceKind } from '../access/workspaces.js'
import type { Store, StoreRecord } from '../log/log.js'
import type { Config } from '../ops/config.js'
import { storePlace } from '../ops/key-place.js'
import { ADMIN_KEY_NAME, ensureSealingKey } from '../ops/keys.js'
import { type Source, sealingKeyOf, textOf } from './source.js'

/** Seals of the folder and of the deployment. */
export interface Seals {
  /** Undefined when the folder's key is gone. */
  readonly source: Seal | undefined
  readonly target: Seal
}

export async function openSeals(source: Source, store: Store, config: Config): Promise<Seals> {
  const place = storePlace(store)
  const key = await sealingKeyOf(source.dir, config)
  return {
    source: key && createSeal(key),
    target: createSeal(await ensureSealingKey(config, place)),
  }
}

/**
 * Gives a deployment that has none yet the folder's admin key and what its access tokens are signed with: whoever holds
 * one goes on as before.
 * @returns Whether the folder's admin key is valid there.
 */
export async function moveDeployment(source: Source, store: Store, seals: Seals): Promise<boolean> {
  const signing = (await source.store.all(SIGNING_SECRET.kind)).find(({ key }) => key === SIGNING_SECRET.key)
  const sealed = signing && reseal(signing.value.sealed, SIGNING_PLACE, seals)
  if (sealed !== undefined) await store.put(SIGNING_SECRET.kind, SIGNING_SECRET.key, { sealed }, { ifAbsent: true })
  const digest = await textOf(join(source.dir, ADMIN_KEY_NAME))
  if (digest === undefined) return false
  const { content } = await storePlace(store).keep(ADMIN_KEY_NAME, () => digest)
  return content.trim() === digest.trim()
}

/**
 * Makes the API keys of a workspace what they are in the folder: their holders use them as before.
 * @returns How many there are.
 */
export async function moveApiKeys(source: Source, store: Store, { id }: Workspace): Promise<number> {
  const isOurs = ({ value }: StoreRecord) => value.workspace === id
  const keys = (await source.store.all(apiKeyKind.kind)).filter(isOurs)
  await replaceAll(store, apiKeyKind.kind, isOurs, keys)
  return keys.length
}

export interface MovedSecrets {
  readonly moved: number
  /** Names of those that the folder's sealing key does not open: they have to be set again. */
  readonly closed: readonly string[]
}

/** Makes the secrets of a workspace what they are in the folder, sealed with the deployment's key. */
export async function moveSecrets(
  source: Source,
  store: Store,
  { id }: Workspace,
  seals: Seals,
): Promise<MovedSecrets> {
  const prefix = `${id}/`
  const isOurs = ({ key }: StoreRecord) => key.startsWith(prefix)
  const closed: string[] = []
  const secrets = (await source.store.all(secretKind.kind)).filter(isOurs).flatMap(({ key, value }): StoreRecord[] => {
    const sealed = reseal(value.sealed, key, seals)
    if (sealed !== undefined) return [{ key, value: { ...value, sealed } }]
    closed.push(key.slice(prefix.length))
    return []
  })
  await replaceAll(store, secretKind.kind, isOurs, secrets)
  return { moved: secrets.length, closed }
}

/** The last step: from here on the workspace is served. False when the slug was taken meanwhile. */
export async function openWorkspaceThere(store: Store, workspace: Workspace, slug: string): Promise<boolean> {
  const record: JsonObject = workspaceKind.write(workspace)
  return store.put(workspaceKind.kind, slug, record, { ifAbsent: true })
}

/** What an earlier run has left and the folder no longer has, such as a key that was deleted since, goes. */
async function replaceAll(
  store: Store,
  kind: string,
  isOurs: (record: StoreRecord) => boolean,
  records: readonly StoreRecord[],
): Promise<void> {
  for (const { key, value } of records) await store.put(kind, key, value)
  for (const { key } of (await store.all(kind)).filter(isOurs)) {
    if (!records.some((each) => each.key === key)) await store.delete(kind, key)
  }
}

function reseal(sealed: unknown, place: string, { source, target }: Seals): string | undefined {
  const text = typeof sealed === 'string' ? source?.open(place, sealed) : undefined
  return text === undefined ? undefined : target.close(place, text)
}
