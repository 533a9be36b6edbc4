import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { ext4Disk, tinyDisk, whyNoMounts, whyNoPowerCuts } from '../../testing/disks.js'
import { makeSynchronous } from './synchronous.js'

const noMounts = whyNoMounts()
const noDisks = whyNoPowerCuts()
if (noMounts ?? noDisks) console.log(`synchronous folders are not tested: ${noMounts ?? noDisks}`)

describe.skipIf(noDisks)('on an ext4 disk', () => {
  const disk = noDisks ? undefined : ext4Disk()
  afterAll(() => disk?.end())

  test('a folder becomes synchronous, with what is in it and what will be', async () => {
    const folder = join(disk?.folder ?? '', 'store')
    mkdirSync(folder)
    writeFileSync(join(folder, 'before'), '')
    expect(await makeSynchronous(folder)).toEqual({ synchronous: true, by: 'folder' })
    mkdirSync(join(folder, 'inner'))
    writeFileSync(join(folder, 'inner/after'), '')
    for (const path of ['before', 'inner', 'inner/after']) {
      const [flags] = execFileSync('lsattr', ['-d', join(folder, path)], { encoding: 'utf8' }).split(' ')
      // The second flag is for folders: nothing is made in a file.
      expect([path, flags?.includes('S')]).toEqual([path, true])
    }
  })
})

test.skipIf(noMounts)('a folder in memory cannot be, and it is said why', async () => {
  const disk = tinyDisk(1024 * 1024)
  onTestFinished(() => disk.end())
  expect(await makeSynchronous(disk.folder)).toEqual({
    synchronous: false,
    why: `${disk.folder} is in memory (tmpfs)`,
  })
})

test('a folder that is not there is told of in one line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-gone-'))
  rmSync(folder, { recursive: true })
  const { synchronous, ...rest } = await makeSynchronous(folder)
  expect(synchronous).toBe(false)
  expect(rest).toMatchObject({ why: expect.not.stringContaining('\n') })
})
