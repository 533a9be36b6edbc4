import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SEALING_KEY_BYTES } from '../access/sealing.js'
import { digest, newApiKey } from '../access/secret-text.js'
import { type Config, ConfigError } from './config.js'
import { privateFile } from './private-file.js'

/** SHA-256 of the admin key that the first start made. */
export const ADMIN_KEY_FILE = 'admin-key.sha256'
/** What secrets beside the log are sealed with. A backup of the database without it gives no secret away. */
export const SEALING_KEY_FILE = 'sealing.key'

export interface AdminKey {
  readonly digest: Buffer
  /** The key itself, at the one start that made it: print it once, and let the CLI keep it. Undefined ever after. */
  readonly generated: string | undefined
  readonly source: 'environment' | 'file' | 'generated'
}

/**
 * The admin key: the one that is set, or one made on the first start.
 *
 * The server keeps the digest alone, in a file of mode 0600; who needs the clear text is whoever administers, and the
 * CLI keeps it in that person's own credentials file. A key that was lost is replaced by setting
 * `SWITCHBOARD_ADMIN_KEY`, which wins over the file, or by deleting the file and starting again.
 *
 * @throws ConfigError when the file cannot be used.
 */
export async function ensureAdminKey(config: Pick<Config, 'adminKey'>, dir: string): Promise<AdminKey> {
  if (config.adminKey !== undefined) {
    return { digest: digest(config.adminKey), generated: undefined, source: 'environment' }
  }
  const file = join(dir, ADMIN_KEY_FILE)
  const key = newApiKey('admin')
  const { content, made } = await privateFile(file, () => `${digest(key).toString('hex')}\n`)
  const hex = content.trim()
  if (!/^[0-9a-f]{64}$/.test(hex)) {
    throw new ConfigError(`${file} holds no digest; accepted: 64 hexadecimal digits, or no file for a new admin key`)
  }
  return { digest: Buffer.from(hex, 'hex'), generated: made ? key : undefined, source: made ? 'generated' : 'file' }
}

/**
 * Forgets an admin key that was made by a start that failed afterwards, for instance because its port is taken: nobody
 * was shown it, and the next start would find a folder to which nobody has a key.
 */
export async function forgetAdminKey({ generated }: AdminKey, dir: string): Promise<void> {
  if (generated !== undefined) await rm(join(dir, ADMIN_KEY_FILE), { force: true })
}

/**
 * The key that seals secrets, made on the first start. Whoever loses it has to set the secrets of sources again.
 * @throws ConfigError when the file cannot be used.
 */
export async function ensureSealingKey(dir: string): Promise<Buffer> {
  const file = join(dir, SEALING_KEY_FILE)
  const { content } = await privateFile(file, () => `${randomBytes(SEALING_KEY_BYTES).toString('base64')}\n`)
  const key = Buffer.from(content.trim(), 'base64')
  if (key.length === SEALING_KEY_BYTES) return key
  throw new ConfigError(
    `${file} holds no key; accepted: ${SEALING_KEY_BYTES} bytes in base64, or no file for a new key`,
  )
}
