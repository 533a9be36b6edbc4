import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lockFolder, systemClock } from '@switchboard/server'
import { expect, test } from 'vitest'
import { findingLines } from '../commands/doctor.js'
import { palette } from '../render/palette.js'
import { congestionControl, dataFolder, freeDisk, logFile, nodeVersion, openFiles, unsentLimit } from './machine.js'
import { clockSkew } from './server.js'

test.each([
  ['20.18.3', 'fail'],
  ['20.19.0', 'ok'],
  ['22.1.0', 'ok'],
  ['18.20.0', 'fail'],
])('Node.js %s: %s', (version, verdict) => {
  expect(nodeVersion(version).verdict).toBe(verdict)
})

test('a kernel that lets stalled readers hold megabytes is told of, with the setting', () => {
  expect(unsentLimit('4294967295\n')).toMatchObject({
    verdict: 'warn',
    advice: expect.stringContaining('tcp_notsent_lowat=16384'),
  })
  expect(unsentLimit('16384\n')?.verdict).toBe('ok')
  expect(unsentLimit(undefined)).toBeUndefined()
})

test('bbr is told of, other congestion controls are fine', () => {
  expect(congestionControl('bbr\n')?.verdict).toBe('warn')
  expect(congestionControl('cubic\n')?.verdict).toBe('ok')
})

test('a low limit of open files is told of', () => {
  const limits = (soft: string): string =>
    `Limit Soft Hard Units\nMax open files            ${soft}                 1048576              files\n`
  expect(openFiles(limits('1024'))?.verdict).toBe('warn')
  expect(openFiles(limits('65536'))?.verdict).toBe('ok')
  expect(openFiles(limits('unlimited'))?.verdict).toBe('ok')
})

test('a disk is fine, low or full', () => {
  const GiB = 1024 ** 3
  expect(freeDisk(50 * GiB, 100 * GiB)).toMatchObject({ verdict: 'ok', detail: '50 GiB of 100 GiB free' })
  expect(freeDisk(5 * GiB, 100 * GiB).verdict).toBe('warn')
  expect(freeDisk(0.1 * GiB, 100 * GiB).verdict).toBe('fail')
})

test('a log that no server starts with is told of, with the way back; one that a server has is left alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'switchboard-'))
  try {
    expect(await logFile(folder)).toEqual([])
    await writeFile(join(folder, 'log.mdb'), Buffer.alloc(20_000, 'x'))
    expect(await logFile(folder)).toMatchObject([
      {
        name: 'log',
        verdict: 'fail',
        detail: expect.stringContaining('is not a log'),
        advice: expect.stringContaining('switchboard restore'),
      },
    ])
    const unlock = lockFolder(folder, systemClock, () => {})
    expect(await logFile(folder)).toEqual([])
    unlock()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a data folder that everybody can read is told of, and one that is gone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'switchboard-'))
  try {
    await chmod(folder, 0o700)
    expect((await dataFolder(folder))[0]).toMatchObject({ verdict: 'ok' })
    await chmod(folder, 0o755)
    expect((await dataFolder(folder))[0]).toMatchObject({ verdict: 'warn', advice: `chmod 700 ${folder}` })
    expect((await dataFolder(join(folder, 'gone')))[0]).toMatchObject({ verdict: 'warn' })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test.each([
  ['the same second', 0, 'ok'],
  ['a slow answer', 900, 'ok'],
  ['ten seconds ahead', 10_000, 'warn'],
  ['ten seconds behind', -12_000, 'warn'],
  ['an hour ahead', 3_600_000, 'fail'],
])('clocks: %s', (_, offset, verdict) => {
  const asked = Date.parse('2026-11-22T14:00:00.500Z')
  const header = new Date(asked + offset).toUTCString()
  expect(clockSkew(header, asked, asked + 200)?.verdict).toBe(verdict)
})

test('a finding is one line, and its advice another', () => {
  const lines = findingLines({ name: 'disk', verdict: 'warn', detail: 'little', advice: 'Make room.' }, palette(false))
  expect(lines).toBe(`warn  disk                    little\n${' '.repeat(30)}→ Make room.\n`)
})
