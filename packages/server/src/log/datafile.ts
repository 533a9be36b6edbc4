import { closeSync, openSync, readSync } from 'node:fs'

/**
 * What the head of an LMDB data file says of it, read without LMDB (mdb.c, `MDB_meta`). Two pages take turns:
 *
 *     0   page header, 24 bytes
 *     24  u32 magic, u32 version, u64 address, u64 size of the map
 *     48  tree of free pages, 48 bytes, of which the first u32 is the page size
 *     96  main tree, 48 bytes
 *     144 u64 last page used, u64 transaction
 */
const MAGIC = 0xbeefc0de
const VERSION = 2
const META_BYTES = 160
const ROOT_AT = 40
const NO_PAGE = 0xffff_ffff_ffff_ffffn
const PAGE_BYTES_MIN = 256
const PAGE_BYTES_MAX = 64 * 1024

/** What of it matters here. */
export interface Meta {
  readonly pageBytes: number
  readonly lastPage: number
  /** The pages that the trees begin at; undefined for one that is empty. */
  readonly freeRoot: number | undefined
  readonly mainRoot: number | undefined
  readonly transaction: number
}

/**
 * The least size in bytes at which every page in use is inside the file, or undefined when it is not an LMDB file that
 * can be opened. To be asked first: opening anything else ends the process, for lmdb-js does not survive its own refusal.
 */
export function lengthOf(path: string): number | undefined {
  const file = openSync(path, 'r')
  try {
    const metas = readMetas(file)
    if (metas === undefined) return undefined
    const [first, second] = metas
    const length = (Math.max(first.lastPage, second.lastPage) + 1) * first.pageBytes
    return Number.isSafeInteger(length) ? length : undefined
  } finally {
    closeSync(file)
  }
}

/** The head that holds now: the one of the later transaction. */
export function currentMeta(file: number): Meta | undefined {
  const metas = readMetas(file)
  if (metas === undefined) return undefined
  const [first, second] = metas
  return first.transaction > second.transaction ? first : second
}

function readMetas(file: number): readonly [Meta, Meta] | undefined {
  const first = readMeta(file, 0)
  const second = first && readMeta(file, first.pageBytes)
  return first && second?.pageBytes === first.pageBytes ? [first, second] : undefined
}

function readMeta(file: number, at: number): Meta | undefined {
  const bytes = Buffer.alloc(META_BYTES)
  if (readSync(file, bytes, 0, META_BYTES, at) < META_BYTES) return undefined
  if (bytes.readUInt32LE(24) !== MAGIC || bytes.readUInt32LE(28) !== VERSION) return undefined
  const pageBytes = bytes.readUInt32LE(48)
  if (pageBytes < PAGE_BYTES_MIN || pageBytes > PAGE_BYTES_MAX) return undefined
  return {
    pageBytes,
    lastPage: Number(bytes.readBigUInt64LE(144)),
    freeRoot: rootOf(bytes, 48),
    mainRoot: rootOf(bytes, 96),
    transaction: Number(bytes.readBigUInt64LE(152)),
  }
}

/** The page that a tree begins at, of its description in 48 bytes; undefined when it is empty. */
export function rootOf(bytes: Buffer, tree: number): number | undefined {
  const root = bytes.readBigUInt64LE(tree + ROOT_AT)
  return root === NO_PAGE ? undefined : Number(root)
}
