import { closeSync, openSync, readSync } from 'node:fs'
import { currentMeta, type Meta, rootOf } from './datafile.js'
import { numberOf, parseChannelKey } from './keys.js'
import type { Channel } from './log.js'

/**
 * The trees of an LMDB data file, looked at without LMDB, which ends the process when it meets a page that is none: one that
 * was lost and reads as zeros, or garbage (mdb.c, `MDB_page`, `MDB_node`). Values have checksums of their own and are not
 * looked at.
 *
 *     page   0 u64 number | 16 u16 pad, u16 flags | 20 u16 lower, u16 upper | 24 u16 offsets of the nodes, behind the header
 *     node   u16, u16: size of the value | u16 flags | u16 size of the key | key | value
 *            in a branch the first three are the number of the page below
 */
const HEADER_BYTES = 24
const NODE_BYTES = 8
const IS_BRANCH = 1
const IS_LEAF = 2
/** Flags of a node in a leaf: its value is a tree. */
const HOLDS_TREE = 2
/** Deeper than any tree: what goes on is a circle. */
const DEPTH_MAX = 32

/** A page that is not one of its tree. */
export interface BadPage {
  readonly page: number
  /** What of it is lost, for people: the table, and of which channels which entries. */
  readonly what: string
}

interface Place {
  readonly page: number
  /** What it is a part of, for people. */
  readonly tree: string
  readonly depth: number
  /** What the keys below lie between, as far as the pages above say it. */
  readonly from: Buffer | undefined
  readonly to: Buffer | undefined
}

const FREE_PAGES = 'a part of the list of free pages'
const TABLES = 'the list of tables'
const BLOCKS = 'a part of the table blocks'

/** Where a tree begins; nothing when it is empty. */
function treeAt(page: number | undefined, tree: string): readonly Place[] {
  return page === undefined ? [] : [{ page, tree, depth: 0, from: undefined, to: undefined }]
}

/**
 * The first bad page of a file that nobody changes, or whose newest state is held by a reader. The walk ends when `isOver`
 * says so, with what was found by then: upper pages come before lower ones.
 */
export function findBadPage(path: string, isOver: () => boolean): BadPage | undefined {
  const file = openSync(path, 'r')
  try {
    const meta = currentMeta(file)
    if (meta === undefined) return { page: 0, what: 'the head of the file' }
    const bytes = Buffer.alloc(meta.pageBytes)
    // By breadth: a page that leads to many others is found before one that leads to few.
    let level = [...treeAt(meta.freeRoot, FREE_PAGES), ...treeAt(meta.mainRoot, TABLES)]
    while (level.length > 0) {
      const below: Place[] = []
      for (const place of level) {
        if (isOver()) return undefined
        if (!isPage(file, bytes, place, meta)) return { page: place.page, what: wordsOf(place) }
        collect(bytes, place, below)
      }
      level = below
    }
    return undefined
  } finally {
    closeSync(file)
  }
}

function isPage(file: number, bytes: Buffer, { page, depth }: Place, { pageBytes, lastPage }: Meta): boolean {
  if (depth > DEPTH_MAX || page > lastPage) return false
  if (readSync(file, bytes, 0, pageBytes, page * pageBytes) < pageBytes) return false
  if (Number(bytes.readBigUInt64LE(0)) !== page) return false
  const flags = bytes.readUInt16LE(18)
  if (flags !== IS_BRANCH && flags !== IS_LEAF) return false
  const [lower, upper] = [bytes.readUInt16LE(20), bytes.readUInt16LE(22)]
  if (lower > upper || upper > pageBytes - HEADER_BYTES || lower % 2 !== 0) return false
  for (let index = 0; index < lower / 2; index++) {
    const at = nodeAt(bytes, index)
    if (at + NODE_BYTES > pageBytes || at + NODE_BYTES + bytes.readUInt16LE(at + 6) > pageBytes) return false
  }
  return lower > 0
}

/** The pages that a sound page leads to. */
function collect(bytes: Buffer, place: Place, below: Place[]): void {
  const isBranch = bytes.readUInt16LE(18) === IS_BRANCH
  const count = bytes.readUInt16LE(20) / 2
  for (let index = 0; index < count; index++) {
    const at = nodeAt(bytes, index)
    if (isBranch) {
      const page = bytes.readUInt16LE(at) + bytes.readUInt16LE(at + 2) * 2 ** 16 + bytes.readUInt16LE(at + 4) * 2 ** 32
      // The first has no key of its own: all keys before the second are below it.
      const from = index === 0 ? place.from : keyAt(bytes, at)
      const to = index + 1 < count ? keyAt(bytes, nodeAt(bytes, index + 1)) : place.to
      below.push({ ...place, page, depth: place.depth + 1, from, to })
    } else if ((bytes.readUInt16LE(at + 4) & HOLDS_TREE) !== 0) {
      const key = keyAt(bytes, at)
      below.push(...treeAt(rootOf(bytes, at + NODE_BYTES + key.length), `a part of the table ${nameOf(key)}`))
    }
  }
}

function nodeAt(bytes: Buffer, index: number): number {
  return HEADER_BYTES + bytes.readUInt16LE(HEADER_BYTES + index * 2)
}

function keyAt(bytes: Buffer, node: number): Buffer {
  const size = bytes.readUInt16LE(node + 6)
  return Buffer.from(bytes.subarray(node + NODE_BYTES, node + NODE_BYTES + size))
}

/** LMDB ends names with a zero. */
function nameOf(key: Buffer): string {
  return key.toString('latin1').replace(/\0$/, '')
}

/** Without the ids of calls, which may tell of persons. */
function wordsOf({ tree, from, to }: Place): string {
  if (tree !== BLOCKS) return tree
  const [first, next] = [from && parseChannelKey(from), to && parseChannelKey(to)]
  const start = from && first ? `${numberOf(from)}` : undefined
  const end = to && next ? `${numberOf(to) - 1}` : undefined
  if (first && next && first.workspace === next.workspace && first.call === next.call) {
    return `entries ${start} to ${end} of ${ownerOf(first)}`
  }
  if (!first && !next) return 'the entries of all channels'
  return [
    'entries',
    ...(first ? [`from ${start} of ${ownerOf(first)} on`] : []),
    ...(next ? [`up to ${end} of ${ownerOf(next)}`] : []),
  ].join(' ')
}

function ownerOf({ workspace, call }: Channel): string {
  return `${call === undefined ? '' : 'a call of '}workspace ${workspace}`
}
