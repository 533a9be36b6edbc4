import { randomBytes } from 'node:crypto'
import { SEALING_KEY_BYTES } from '../access/sealing.js'
import { digest, newApiKey } from '../access/secret-text.js'
import { type Config, ConfigError } from './config.js'
import type { KeyName, KeyPlace } from './key-place.js'

/** SHA-256 of the admin key that the first start made. */
export const ADMIN_KEY_NAME: KeyName = 'admin-key.sha256'
/** What secrets beside the log are sealed with. A backup of the database without it gives no secret away. */
export const SEALING_KEY_NAME: KeyName = 'sealing.key'

export interface AdminKey {
  /** Of this moment: where it is kept in the store, another process may make a new one. */
  readonly digest: Buffer
  /** The key itself, at the one start that made it: print it once, and let the CLI keep it. Undefined ever after. */
  readonly generated: string | undefined
  readonly source: 'environment' | 'generated' | KeyPlace['kind']
}

/**
 * The admin key: the one that is set, or one made on the first start.
 *
 * The server keeps the digest alone (in a file of mode 0600, or in the store); who needs the clear text is whoever
 * administers, and the CLI keeps it in that person's own credentials file. A key that was lost is replaced by setting
 * `SWITCHBOARD_ADMIN_KEY`, which wins over what is kept, or by deleting that and starting again.
 *
 * @throws ConfigError when what is kept is no digest, or cannot be read.
 */
export async function ensureAdminKey(config: Pick<Config, 'adminKey'>, place: KeyPlace): Promise<AdminKey> {
  if (config.adminKey !== undefined) {
    return { digest: digest(config.adminKey), generated: undefined, source: 'environment' }
  }
  const key = newApiKey('admin')
  const { content, made } = await place.keep(ADMIN_KEY_NAME, () => `${digest(key).toString('hex')}\n`)
  const kept = digestOf(content)
  if (kept === undefined) {
    throw new ConfigError(
      `${place.where(ADMIN_KEY_NAME)} holds no digest; accepted: 64 hexadecimal digits, or nothing for a new admin key`,
    )
  }
  let current = kept
  place.follow(ADMIN_KEY_NAME, (changed) => {
    current = digestOf(changed) ?? current
  })
  return {
    get digest() {
      return current
    },
    generated: made ? key : undefined,
    source: made ? 'generated' : place.kind,
  }
}

/**
 * Forgets an admin key that was made by a start that failed afterwards, for instance because its port is taken: nobody
 * was shown it, and the next start would find a deployment to which nobody has a key.
 */
export async function forgetAdminKey({ generated, digest: current }: AdminKey, place: KeyPlace): Promise<void> {
  if (generated !== undefined && digest(generated).equals(current)) await place.forget(ADMIN_KEY_NAME)
}

/**
 * The key that seals secrets: the one that is set, or one made on the first start. Whoever loses it has to set the
 * secrets of sources again.
 * @throws ConfigError when what is kept is no key, or cannot be read.
 */
export async function ensureSealingKey(config: Pick<Config, 'sealingKey'>, place: KeyPlace): Promise<Buffer> {
  if (config.sealingKey !== undefined) return Buffer.from(config.sealingKey, 'base64')
  const make = () => `${randomBytes(SEALING_KEY_BYTES).toString('base64')}\n`
  const { content } = await place.keep(SEALING_KEY_NAME, make)
  const key = Buffer.from(content.trim(), 'base64')
  if (key.length === SEALING_KEY_BYTES) return key
  throw new ConfigError(
    `${place.where(SEALING_KEY_NAME)} holds no key; accepted: ${SEALING_KEY_BYTES} bytes in base64, or nothing for a new key`,
  )
}

function digestOf(content: string): Buffer | undefined {
  const hex = content.trim()
  return /^[0-9a-f]{64}$/.test(hex) ? Buffer.from(hex, 'hex') : undefined
}
