import { closeSync, openSync, readSync } from 'node:fs'
import { areHeadsSound, currentMeta, type Meta, type Tree, treeOf } from './datafile.js'
import { NUMBER_BYTES, numberOf, parseChannelKey } from './keys.js'
import type { Channel } from './log.js'

/**
 * The trees of an LMDB data file, looked at without LMDB, which ends the process when it meets a page that is none: one that
 * was lost and reads as zeros, or garbage (mdb.c, `MDB_page`, `MDB_node`), and which finds nothing where a key is out of its
 * order. Values have checksums of their own and are not looked at.
 *
 *     page   0 u64 number, u64 transaction that wrote it | 16 u16 pad, u16 flags | 20 u16 lower, u16 upper | 24 u16 offsets of the nodes, behind the header
 *     node   u16, u16: size of the value | u16 flags | u16 size of the key | key | value
 *            in a branch the first three are the number of the page below
 *            a large value is elsewhere, and what stands for it is u64 first page, u64 transaction, u64 pages
 */
const HEADER_BYTES = 24
const NODE_BYTES = 8
const IS_BRANCH = 1
const IS_LEAF = 2
/** Flags of a node in a leaf: its value is large, or is a tree. */
const IS_LARGE = 1
const HOLDS_TREE = 2
const LARGE_BYTES = 24
const TREE_BYTES = 48
/** Deeper than any tree: what goes on is a circle. */
const DEPTH_MAX = 32

/** A page that is not one of its tree. */
export interface BadPage {
  readonly page: number
  /** What of it is lost, for people: the table, and of which channels which entries. */
  readonly what: string
}

/** A tree on the way through it. */
interface Walk {
  readonly tree: Tree
  /** What its pages are a part of, for people. */
  readonly what: string
  /** Its keys are numbers of this machine, not bytes. */
  readonly isNumbered: boolean
  entries: number
}

interface Place {
  readonly page: number
  readonly walk: Walk
  /** 1 for the page that the tree begins at. */
  readonly depth: number
  /** What the keys below lie between, as far as the pages above say it. */
  readonly from: Buffer | undefined
  readonly to: Buffer | undefined
}

const HEAD = 'the head of the file'
const FREE_PAGES = 'a part of the list of free pages'
const TABLES = 'the list of tables'
const BLOCKS = 'a part of the table blocks'

/** The way through a tree, with the page that it begins at. */
function walkOf(tree: Tree, what: string, below: Place[], isNumbered = false): Walk {
  const walk = { tree, what, isNumbered, entries: 0 }
  if (tree.root !== undefined) below.push({ page: tree.root, walk, depth: 1, from: undefined, to: undefined })
  return walk
}

/**
 * The first bad page of a file that nobody changes, or whose newest state is held by a reader. The walk ends when `isOver`
 * says so, with what was found by then: upper pages come before lower ones.
 */
export function findBadPage(path: string, isOver: () => boolean): BadPage | undefined {
  const file = openSync(path, 'r')
  try {
    const meta = currentMeta(file)
    if (meta === undefined) return { page: 0, what: HEAD }
    const bytes = Buffer.alloc(meta.pageBytes)
    // By breadth: a page that leads to many others is found before one that leads to few.
    let level: Place[] = []
    const walks = [walkOf(meta.free, FREE_PAGES, level, true), walkOf(meta.main, TABLES, level)]
    while (level.length > 0) {
      const below: Place[] = []
      for (const place of level) {
        if (isOver()) return undefined
        if (!isPage(file, bytes, place, meta)) return { page: place.page, what: wordsOf(place) }
        collect(bytes, place, below, walks)
      }
      level = below
    }
    // What is missing is on a page that was lost, and stands there as it was before.
    const short = walks.find(({ tree, entries }) => tree.entries !== entries)
    return short && { page: short.tree.root ?? 0, what: short.what }
  } finally {
    closeSync(file)
  }
}

/**
 * Goes through a file that is written meanwhile, some pages at a time: each time from its newest head, and on from the key
 * that it had come to. So no state of the file is held for long, which LMDB does not bear (docs/decisions/0018).
 */
export class PageTour {
  private readonly file: number
  /** Trees that it has been through. */
  private readonly done = new Set<string>()
  /** The tree that it is in, and the key that it goes on from there. */
  private within: { readonly what: string; readonly from: Buffer } | undefined

  constructor(path: string) {
    this.file = openSync(path, 'r')
  }

  /**
   * While a reader holds the newest state.
   * @returns The first bad page; `more` when there are pages that it has not come to; undefined at the end.
   */
  step(pagesMax: number): BadPage | 'more' | undefined {
    const meta = currentMeta(this.file)
    if (meta === undefined) return { page: 0, what: HEAD }
    const bytes = Buffer.alloc(meta.pageBytes)
    const ahead: Place[] = []
    const walks = [walkOf(meta.free, FREE_PAGES, ahead, true), walkOf(meta.main, TABLES, ahead)]
    let left = pagesMax
    for (let place = ahead.pop(); place !== undefined; place = ahead.pop()) {
      const { walk, to } = place
      // The way to the tables is short, and gone again each time.
      if (walk.what !== TABLES && this.wasAt(walk, to)) continue
      if (!isPage(this.file, bytes, place, meta)) return { page: place.page, what: wordsOf(place) }
      const below: Place[] = []
      collect(bytes, place, below, walks)
      left--
      const isLeaf = place.depth === walk.tree.depth
      ahead.push(...below.reverse())
      if (walk.what === TABLES || !isLeaf) continue
      this.within = to && { what: walk.what, from: to }
      if (to === undefined) this.done.add(walk.what)
      if (left <= 0) return 'more'
    }
    return undefined
  }

  end(): void {
    closeSync(this.file)
  }

  /** Whether it has been through all of a tree up to a key. */
  private wasAt({ what, isNumbered }: Walk, to: Buffer | undefined): boolean {
    if (this.done.has(what)) return true
    return to !== undefined && this.within?.what === what && compare(to, this.within.from, isNumbered) <= 0
  }
}

/** False when the newest head of a file that nobody changes may not be the newest. */
export function hasSoundHeads(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    return areHeadsSound(file)
  } finally {
    closeSync(file)
  }
}

function isPage(file: number, bytes: Buffer, place: Place, meta: Meta): boolean {
  const { pageBytes, lastPage, transaction } = meta
  const { page, depth, walk } = place
  if (depth > DEPTH_MAX || page > lastPage) return false
  if (readSync(file, bytes, 0, pageBytes, page * pageBytes) < pageBytes) return false
  if (Number(bytes.readBigUInt64LE(0)) !== page) return false
  // LMDB takes a page of a later transaction for one that it may write to, which ends the process.
  if (Number(bytes.readBigUInt64LE(8)) > transaction) return false
  const flags = bytes.readUInt16LE(18)
  if (flags !== (depth < walk.tree.depth ? IS_BRANCH : IS_LEAF)) return false
  const [lower, upper] = [bytes.readUInt16LE(20), bytes.readUInt16LE(22)]
  if (lower > upper || upper > pageBytes - HEADER_BYTES || lower % 2 !== 0) return false
  for (let index = 0; index < lower / 2; index++) {
    const at = nodeAt(bytes, index)
    if (at + NODE_BYTES > pageBytes || at + NODE_BYTES + bytes.readUInt16LE(at + 6) > pageBytes) return false
    if (flags === IS_LEAF && !isWithin(bytes, at, lastPage)) return false
  }
  return lower > 0 && isInOrder(bytes, place, lower / 2)
}

/** Whether a leaf's node has a value that is where it can be. */
function isWithin(bytes: Buffer, at: number, lastPage: number): boolean {
  const value = at + NODE_BYTES + bytes.readUInt16LE(at + 6)
  const size = bytes.readUInt16LE(at) + bytes.readUInt16LE(at + 2) * 2 ** 16
  switch (bytes.readUInt16LE(at + 4)) {
    case 0:
      return value + size <= bytes.length
    case IS_LARGE:
      if (value + LARGE_BYTES > bytes.length) return false
      return Number(bytes.readBigUInt64LE(value)) + Number(bytes.readBigUInt64LE(value + 16)) - 1 <= lastPage
    case HOLDS_TREE:
      return size === TREE_BYTES && value + size <= bytes.length
    default:
      return false
  }
}

/** Whether the keys of a page increase, and lie between those of the pages above. */
function isInOrder(bytes: Buffer, { walk, from, to }: Place, count: number): boolean {
  const { isNumbered } = walk
  // The first of a branch has no key of its own.
  const first = bytes.readUInt16LE(18) === IS_BRANCH ? 1 : 0
  for (let index = first; index < count; index++) {
    const at = nodeAt(bytes, index)
    if (isNumbered && keyIn(bytes, at).length !== NUMBER_BYTES) return false
    if (index > first && !isAfter(bytes, nodeAt(bytes, index - 1), at, isNumbered)) return false
    if (index === first && from && compare(from, keyIn(bytes, at), isNumbered) > 0) return false
    if (index === count - 1 && to && compare(keyIn(bytes, at), to, isNumbered) >= 0) return false
  }
  return true
}

/** Whether a node's key is greater than another's. Most of the time goes here: no key is taken out. */
function isAfter(bytes: Buffer, one: number, other: number, isNumbered: boolean): boolean {
  const [from, to] = [one + NODE_BYTES, other + NODE_BYTES]
  if (isNumbered) return bytes.readBigUInt64LE(from) < bytes.readBigUInt64LE(to)
  return bytes.compare(bytes, from, from + bytes.readUInt16LE(one + 6), to, to + bytes.readUInt16LE(other + 6)) > 0
}

function compare(one: Buffer, other: Buffer, isNumbered: boolean): number {
  return isNumbered ? Number(one.readBigUInt64LE(0) - other.readBigUInt64LE(0)) : one.compare(other)
}

/** The pages that a sound page leads to. */
function collect(bytes: Buffer, place: Place, below: Place[], walks: Walk[]): void {
  const isBranch = bytes.readUInt16LE(18) === IS_BRANCH
  const count = bytes.readUInt16LE(20) / 2
  if (!isBranch) place.walk.entries += count
  for (let index = 0; index < count; index++) {
    const at = nodeAt(bytes, index)
    if (isBranch) {
      const page = bytes.readUInt16LE(at) + bytes.readUInt16LE(at + 2) * 2 ** 16 + bytes.readUInt16LE(at + 4) * 2 ** 32
      // The first has no key of its own: all keys before the second are below it.
      const from = index === 0 ? place.from : keyAt(bytes, at)
      const to = index + 1 < count ? keyAt(bytes, nodeAt(bytes, index + 1)) : place.to
      below.push({ ...place, page, depth: place.depth + 1, from, to })
    } else if (bytes.readUInt16LE(at + 4) === HOLDS_TREE) {
      const key = keyIn(bytes, at)
      const tree = treeOf(bytes, at + NODE_BYTES + key.length)
      walks.push(walkOf(tree, `a part of the table ${nameOf(key)}`, below))
    }
  }
}

function nodeAt(bytes: Buffer, index: number): number {
  return HEADER_BYTES + bytes.readUInt16LE(HEADER_BYTES + index * 2)
}

/** A node's key, for as long as the page is there. */
function keyIn(bytes: Buffer, node: number): Buffer {
  return bytes.subarray(node + NODE_BYTES, node + NODE_BYTES + bytes.readUInt16LE(node + 6))
}

function keyAt(bytes: Buffer, node: number): Buffer {
  return Buffer.from(keyIn(bytes, node))
}

/** LMDB ends names with a zero. */
function nameOf(key: Buffer): string {
  return key.toString('latin1').replace(/\0$/, '')
}

/** Without the ids of calls, which may tell of persons. */
function wordsOf({ walk, from, to }: Place): string {
  if (walk.what !== BLOCKS) return walk.what
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
