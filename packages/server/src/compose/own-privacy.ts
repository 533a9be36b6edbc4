import { type Catalogue, mask } from '@switchboard/contract'
import type { ClusterPrivacy } from '../log/jetstream/subject-keys.js'
import { prepareDataFolder } from '../log/lmdb.js'
import type { Store } from '../log/log.js'
import type { Privacy } from '../log/vault.js'
import type { Config } from '../ops/config.js'
import { folderPlace, storePlace } from '../ops/key-place.js'
import { ensureSealingKey } from '../ops/keys.js'

/**
 * How personal data is sealed in a data folder of our own.
 * @throws ConfigError when the sealing key is none; SwitchboardError `storage_fault` when the folder cannot be made.
 */
export async function ownPrivacy(config: Config, catalogue: Catalogue): Promise<Privacy> {
  await prepareDataFolder(config.dataDir)
  return privacyOf(await ensureSealingKey(config, folderPlace(config.dataDir)), catalogue)
}

/**
 * How a deployment over NATS seals personal data: in the streams with the key that is set, or the one that its store has;
 * in a copy with the key that is set, or a file of the copy's folder.
 */
export async function clusterPrivacy(
  config: Pick<Config, 'sealingKey'>,
  store: Store,
  catalogue: Catalogue,
): Promise<ClusterPrivacy> {
  return {
    ...privacyOf(await ensureSealingKey(config, storePlace(store)), catalogue),
    copyKey: (dir) => ensureSealingKey(config, folderPlace(dir)),
  }
}

/** Personal is what the catalogue says, and whatever it does not know. */
export function privacyOf(sealingKey: Buffer, catalogue: Catalogue): Privacy {
  return { sealingKey, mask: (kind, type, event) => mask(catalogue.get(kind, type), event) }
}
