import { type Catalogue, mask } from '@switchboard/contract'
import { prepareDataFolder } from '../log/lmdb.js'
import type { Privacy } from '../log/vault.js'
import type { Config } from '../ops/config.js'
import { folderPlace } from '../ops/key-place.js'
import { ensureSealingKey } from '../ops/keys.js'

/**
 * How personal data is sealed in a data folder of our own.
 * @throws ConfigError when the sealing key is none; SwitchboardError `storage_fault` when the folder cannot be made.
 */
export async function ownPrivacy(config: Config, catalogue: Catalogue): Promise<Privacy> {
  await prepareDataFolder(config.dataDir)
  return privacyOf(await ensureSealingKey(config, folderPlace(config.dataDir)), catalogue)
}

/** Personal is what the catalogue says, and whatever it does not know. */
export function privacyOf(sealingKey: Buffer, catalogue: Catalogue): Privacy {
  return { sealingKey, mask: (kind, type, event) => mask(catalogue.get(kind, type), event) }
}
