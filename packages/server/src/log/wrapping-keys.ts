import { createHash, randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { SwitchboardError } from '@switchboard/contract'
import { CIPHER_KEY_BYTES, decrypt, encrypt } from '../cipher.js'
import { flushFolder } from './folder.js'

/** Subjects are spread over so many shards: an erasure wraps the other keys of its shard anew. */
const SHARDS = 256

/** The file's name in the data folder. Without it nothing personal in the log can be read. */
export const WRAPPING_KEYS_FILE = 'vault.keys'

const PLACE = Buffer.from('switchboard vault 1')

/** Told from the earlier ones of its shard by its version. */
export interface WrappingKey {
  readonly version: number
  readonly key: Buffer
}

/**
 * The keys that keys of subjects are wrapped with, in a file beside the log, which is sealed itself.
 *
 *     sealing key ──seals──▶ vault.keys: a wrapping key per shard ──wraps──▶ keys of subjects, in the log's file
 *
 * LMDB does not overwrite what it frees, so that a deleted key of a subject may stand in its file for long. It is
 * destroyed with the key that it was wrapped with: this file is small, and overwritten when one of its keys goes.
 */
export class WrappingKeys {
  /** Versions of each shard, the newest last: two while a change is under way, one else. */
  private shards: WrappingKey[][] = []
  private stamp = ''

  private constructor(
    private readonly path: string,
    private readonly sealingKey: Buffer,
  ) {
    this.load()
  }

  /**
   * Opens the file, made when it is not there.
   * @throws SwitchboardError `storage_fault` when the sealing key does not open it, or it is damaged.
   */
  static open(path: string, sealingKey: Buffer, { readOnly = false } = {}): WrappingKeys {
    // What a crash has left of a change holds the keys that the change was to destroy.
    if (!readOnly) destroy(draftOf(path))
    if (!readOnly && !existsSync(path)) {
      const shards = Array.from({ length: SHARDS }, () => [{ version: 1, key: randomBytes(CIPHER_KEY_BYTES) }])
      write(path, sealingKey, shards)
    }
    return new WrappingKeys(path, sealingKey)
  }

  /** The key to wrap with now: of two, the one that was there before. */
  current(shard: number): WrappingKey {
    return this.shards[shard]?.[0] as WrappingKey
  }

  /** A key by its version, looked for in the file when another process may have added it; undefined when it is gone. */
  get(shard: number, version: number): Buffer | undefined {
    const found = () => this.shards[shard]?.find((each) => each.version === version)?.key
    const key = found()
    if (key !== undefined || stampOf(this.path) === this.stamp) return key
    this.load()
    return found()
  }

  /** The version that a change adds; undefined when none is under way. */
  added(shard: number): number | undefined {
    return this.shards[shard]?.[1]?.version
  }

  /** Shards with a change that was not finished. */
  get unfinished(): readonly number[] {
    return this.shards.flatMap((versions, shard) => (versions.length > 1 ? [shard] : []))
  }

  /** Adds a version to a shard that has one, durably. It is to be wrapped with once `keepNewest` says so. */
  add(shard: number): WrappingKey {
    const next = { version: this.current(shard).version + 1, key: randomBytes(CIPHER_KEY_BYTES) }
    this.replace(shard, [this.current(shard), next])
    return next
  }

  /** Destroys the older version of a shard. When that fails, what is wrapped from now on is so with the newest all the same. */
  keepNewest(shard: number): void {
    const newest = (this.shards[shard] ?? []).slice(-1)
    this.shards[shard] = newest
    this.replace(shard, newest)
  }

  /** Takes back what `add` has added. */
  keepOldest(shard: number): void {
    this.replace(shard, [this.current(shard)])
  }

  private replace(shard: number, versions: WrappingKey[]): void {
    const shards = this.shards.map((each, index) => (index === shard ? versions : each))
    write(this.path, this.sealingKey, shards)
    this.shards = shards
    this.stamp = stampOf(this.path)
  }

  /** Again when another process has replaced the file meanwhile: it overwrites the one that was being read. */
  private load(): void {
    for (let stamp = ''; stamp !== stampOf(this.path); ) {
      stamp = stampOf(this.path)
      const shards = this.read()
      if (stamp !== stampOf(this.path)) continue
      if (shards === undefined) throw this.unreadable()
      this.shards = shards
      this.stamp = stamp
    }
  }

  private unreadable(): SwitchboardError {
    return new SwitchboardError(
      'storage_fault',
      `${this.path} cannot be opened: it is damaged, or SWITCHBOARD_SEALING_KEY is not the key it was made with. Without it no personal data in this folder can be read`,
    )
  }

  private read(): WrappingKey[][] | undefined {
    const text = decrypt(this.sealingKey, PLACE, readFileSync(this.path))
    if (text === undefined) return undefined
    return (JSON.parse(text.toString()) as [number, string][][]).map((versions) =>
      versions.map(([version, key]) => ({ version, key: Buffer.from(key, 'base64') })),
    )
  }
}

/** Which shard a subject's keys are in. */
export function shardOf(workspace: string, subject: string): number {
  return createHash('sha256').update(`${workspace}\n${subject}`).digest().readUInt8(0)
}

/**
 * Whole and durable, or not at all; what stood there before is overwritten.
 * @throws SwitchboardError `storage_full` or `storage_fault`.
 */
function write(path: string, sealingKey: Buffer, shards: readonly (readonly WrappingKey[])[]): void {
  const text = JSON.stringify(shards.map((all) => all.map(({ version, key }) => [version, key.toString('base64')])))
  const draft = draftOf(path)
  try {
    destroy(draft)
    fill(draft, encrypt(sealingKey, PLACE, Buffer.from(text)))
    const old = existsSync(path) ? openSync(path, 'r+') : undefined
    try {
      renameSync(draft, path)
      flushFolder(dirname(path))
      if (old !== undefined) overwrite(old)
    } finally {
      if (old !== undefined) closeSync(old)
    }
  } catch (cause) {
    const { code } = cause as { code?: unknown }
    const isFull = code === 'ENOSPC' || code === 'EDQUOT'
    const detail = `${path} could not be written${isFull ? ': the disk is full' : ''}`
    throw new SwitchboardError(isFull ? 'storage_full' : 'storage_fault', detail, { cause })
  }
}

function draftOf(path: string): string {
  return `${path}.new`
}

function fill(path: string, bytes: Buffer): void {
  const handle = openSync(path, 'wx', 0o600)
  try {
    // A disk that gets full takes a part of a write and says so in a number: this one goes on until it fails.
    writeFileSync(handle, bytes)
    fsyncSync(handle)
  } catch (error) {
    rmSync(path)
    throw error
  } finally {
    closeSync(handle)
  }
}

/** Overwrites a file, and removes it. */
function destroy(path: string): void {
  if (!existsSync(path)) return
  const handle = openSync(path, 'r+')
  try {
    overwrite(handle)
  } finally {
    closeSync(handle)
  }
  rmSync(path)
}

function overwrite(handle: number): void {
  writeFileSync(handle, randomBytes(fstatSync(handle).size))
  fsyncSync(handle)
}

function stampOf(path: string): string {
  const { ino, mtimeMs } = statSync(path)
  return `${ino} ${mtimeMs}`
}
