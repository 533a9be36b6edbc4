import { closeSync, openSync, readSync } from 'node:fs'

/**
 * What the head of an LMDB data file says of it, read without LMDB (mdb.c, `MDB_meta`). Two pages take turns:
 *
 *     0   page header, 24 bytes
 *     24  u32 magic, u32 version, u64 address, u64 size of the map
 *     48  tree of free pages, 48 bytes, of which the first u32 is the page size, and the u16 behind it flags of the file
 *     96  main tree, 48 bytes
 *     144 u64 last page used, u64 transaction
 *
 *     tree  0 u32 pad, u16 flags, u16 depth | 8 u64 branches, leaves, pages of large values | 32 u64 entries | 40 u64 root
 */
const MAGIC = 0xbeefc0de
const VERSION = 2
const META_BYTES = 160
const TREE_BYTES = 48
const ROOT_AT = 40
const ENTRIES_AT = 32
/** In the header of any page but these two: the transaction that wrote it. */
const TRANSACTION_AT = 8
const NO_PAGE = 0xffff_ffff_ffff_ffffn
/** What all pages of a copy say instead. */
const COPIED = 1
const PAGE_BYTES_MIN = 256
const PAGE_BYTES_MAX = 64 * 1024

/** What of it matters here. */
export interface Meta {
  readonly pageBytes: number
  readonly lastPage: number
  readonly free: Tree
  readonly main: Tree
  readonly transaction: number
}

export interface Tree {
  /** The page that it begins at; undefined when it is empty. */
  readonly root: number | undefined
  readonly flags: number
  readonly depth: number
  readonly entries: number
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

/**
 * False when the heads are not those that the last two transactions have written. They carry no checksum, and of a changed
 * number the older head may pass for the later one, with which the last commit would be gone and nobody would know. So the
 * numbers are held against each other, each against its place, and against the page that the transaction has written.
 */
export function areHeadsSound(file: number): boolean {
  const metas = readMetas(file)
  if (metas === undefined) return false
  const [first, second] = metas
  if (first.free.flags !== second.free.flags) return false
  // Nothing is in the first of a new file, and of a copy before its first commit.
  const isUnused = first.transaction === 0 && first.main.root === undefined
  if (isUnused ? second.transaction % 2 !== 1 && second.transaction !== 0 : !areNeighbours(first, second)) return false
  return metas.every(({ main, transaction, pageBytes }) => {
    if (main.flags !== 0) return false
    if (main.root === undefined) return true
    const bytes = Buffer.alloc(TRANSACTION_AT + 8)
    const length = readSync(file, bytes, 0, bytes.length, main.root * pageBytes)
    // A page that was lost is found where pages are checked, if it is in use.
    if (length < bytes.length || Number(bytes.readBigUInt64LE(0)) !== main.root) return true
    const written = Number(bytes.readBigUInt64LE(TRANSACTION_AT))
    return written === transaction || written === COPIED
  })
}

/** Each writes its own: the first those of even transactions. */
function areNeighbours(first: Meta, second: Meta): boolean {
  return first.transaction % 2 === 0 && Math.abs(first.transaction - second.transaction) === 1
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
    free: treeOf(bytes, 48),
    main: treeOf(bytes, 48 + TREE_BYTES),
    transaction: Number(bytes.readBigUInt64LE(152)),
  }
}

/** A tree, of its description in 48 bytes. */
export function treeOf(bytes: Buffer, at: number): Tree {
  const root = bytes.readBigUInt64LE(at + ROOT_AT)
  return {
    root: root === NO_PAGE ? undefined : Number(root),
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    entries: Number(bytes.readBigUInt64LE(at + ENTRIES_AT)),
  }
}
