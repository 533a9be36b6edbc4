import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { prepareFolder } from './folder.js'

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-folder-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('a folder is made with those above it, for its owner alone', async () => {
  const dir = join(scratch(), 'a', 'b', 'c')
  await prepareFolder(dir)
  await prepareFolder(dir)
  expect(statSync(dir).mode & 0o777).toBe(0o700)
})

test('a file in its place is told as what it is', async () => {
  const file = join(scratch(), 'file')
  writeFileSync(file, '')
  await expect(prepareFolder(file)).rejects.toThrow(/EEXIST/)
  await expect(prepareFolder(join(file, 'below'))).rejects.toThrow(/ENOTDIR/)
})

test.skipIf(!existsSync('/proc/self'))('a place where no folder can be made fails at once', async () => {
  await expect(prepareFolder('/proc/switchboard/data')).rejects.toThrow(/ENOENT/)
})
