import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DATA_FILE } from '../log/environment.js'
import { WRAPPING_KEYS_FILE } from '../log/wrapping-keys.js'
import { ADMIN_KEY_NAME, SEALING_KEY_NAME } from '../ops/keys.js'

/** Something that a server keeps in its data folder. */
export interface Belonging {
  /** Of a file, or of a folder with everything in it. */
  readonly name: string
  /**
   * `log`: what happened, and the records beside it. `keys`: secrets, or what tells whether somebody has one; left out of a
   * back-up on demand. `passing`: of the process that runs now, and worth nothing to another.
   */
  readonly kind: 'log' | 'keys' | 'passing'
}

/** All that belongs to a data folder, and the one place to say so. It is copied in this order. */
export const dataFolder: readonly Belonging[] = [
  { name: DATA_FILE, kind: 'log' },
  { name: ADMIN_KEY_NAME, kind: 'keys' },
  { name: SEALING_KEY_NAME, kind: 'keys' },
  { name: WRAPPING_KEYS_FILE, kind: 'keys' },
  { name: `${DATA_FILE}-lock`, kind: 'passing' },
  { name: 'lock', kind: 'passing' },
]

const COPIES = /^replica-\d+$/

/** What a gateway has in its folder: copies of what is in JetStream. */
export function isOfGateway(dir: string): boolean {
  return existsSync(dir) && readdirSync(dir).some((name) => COPIES.test(name))
}

/** Why there is no log to be had from a folder; undefined when there is one. */
export function missingLog(dir: string): string | undefined {
  if (existsSync(join(dir, DATA_FILE))) return undefined
  const gateway = isOfGateway(dir) ? ': it is the folder of a gateway, whose events are in JetStream' : ''
  return `${dir} holds no embedded log (${DATA_FILE})${gateway}`
}

/** Names in a folder that are not in the list: somebody else's, or of another version. */
export function strangers(dir: string): readonly string[] {
  const known = new Set(dataFolder.map(({ name }) => name))
  return readdirSync(dir).filter((name) => !known.has(name) && !name.startsWith('lock.'))
}
