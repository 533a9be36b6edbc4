import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Changes a folder that no server has, as a disk might. Answers with what it has done, in words. */
export type Damage = (dir: string, roll: () => number) => string

const PAGE = 4096
const HEADER = 24
const IS_LEAF = 2
const META_FROM = 24
const META_BYTES = 136

const upTo = (roll: () => number, count: number) => Math.floor(roll() * count)

function inFile(name: string, change: (bytes: Buffer, roll: () => number) => string): Damage {
  return (dir, roll) => {
    const path = join(dir, name)
    const bytes = readFileSync(path)
    const done = change(bytes, roll)
    writeFileSync(path, bytes)
    return done
  }
}

function flip(bytes: Buffer, at: number, bit: number): string {
  bytes[at] = (bytes[at] as number) ^ (1 << bit)
  return `bit ${bit} of byte ${at} flipped`
}

const flipIn = (bytes: Buffer, roll: () => number, from: number, length: number) =>
  flip(bytes, from + upTo(roll, length), upTo(roll, 8))

/** Where keys are in pages of trees, those that are in no tree any more included. */
function keysIn(bytes: Buffer): { readonly at: number; readonly length: number }[] {
  const found: { at: number; length: number }[] = []
  for (let page = 2 * PAGE; page < bytes.length; page += PAGE) {
    const flags = bytes.readUInt16LE(page + 18)
    if (bytes.readUInt32LE(page) !== page / PAGE || (flags !== IS_LEAF && flags !== 1)) continue
    for (let index = 0; index < bytes.readUInt16LE(page + 20) / 2; index++) {
      const node = page + HEADER + bytes.readUInt16LE(page + HEADER + index * 2)
      if (node + 8 > page + PAGE) continue
      const length = bytes.readUInt16LE(node + 6)
      if (length > 0) found.push({ at: node + 8, length })
    }
  }
  return found
}

/** A page of the file that is not one of its first two. */
const pageOf = (bytes: Buffer, roll: () => number) => (2 + upTo(roll, bytes.length / PAGE - 2)) * PAGE

function cut(length: number): Damage {
  return (dir) => {
    const path = join(dir, 'log.mdb')
    truncateSync(path, readFileSync(path).length - length)
    return `the last ${length} bytes cut off`
  }
}

export const damages: Readonly<Record<string, Damage>> = {
  'cut 1': cut(1),
  'cut 7': cut(7),
  'cut 100': cut(100),
  'cut 4096': cut(PAGE),
  'bit anywhere': inFile('log.mdb', (bytes, roll) => flipIn(bytes, roll, 0, bytes.length)),
  'bit in a key': inFile('log.mdb', (bytes, roll) => {
    const keys = keysIn(bytes)
    const { at, length } = keys[upTo(roll, keys.length)] as (typeof keys)[number]
    return flipIn(bytes, roll, at, length)
  }),
  'bit in a page header': inFile('log.mdb', (bytes, roll) => flipIn(bytes, roll, pageOf(bytes, roll), HEADER + 40)),
  'bit in a meta page': inFile('log.mdb', (bytes, roll) =>
    flipIn(bytes, roll, upTo(roll, 2) * PAGE + META_FROM, META_BYTES),
  ),
  'bit in vault.keys': inFile('vault.keys', (bytes, roll) => flipIn(bytes, roll, 0, bytes.length)),
  'page of zeros': inFile('log.mdb', (bytes, roll) => {
    const page = pageOf(bytes, roll)
    bytes.fill(0, page, page + PAGE)
    return `page ${page / PAGE} zeroed`
  }),
  'page of another': inFile('log.mdb', (bytes, roll) => {
    const [page, other] = [pageOf(bytes, roll), pageOf(bytes, roll)]
    bytes.copy(bytes, page, other, other + PAGE)
    return `page ${page / PAGE} overwritten with page ${other / PAGE}`
  }),
}
