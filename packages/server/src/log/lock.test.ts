import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newFolder } from '../../testing/lmdb-bench.js'
import { systemClock } from '../clock.js'
import { lockFolder } from './lock.js'

let dir: string
beforeEach(() => {
  dir = newFolder()
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const lock = () => lockFolder(dir, systemClock, () => {})
const owner = () => JSON.parse(readFileSync(join(dir, 'lock'), 'utf8')) as Record<string, unknown>
const claim = (change: Record<string, unknown>) =>
  writeFileSync(join(dir, 'lock'), JSON.stringify({ ...owner(), token: 'other', ...change }))

test('a folder is given once, and again when it is free', () => {
  const unlock = lock()
  expect(lock).toThrow(`is held by another server (process ${process.pid})`)
  unlock()
  expect(existsSync(join(dir, 'lock'))).toBe(false)
  lock()()
})

test('a living process keeps it, and is named; what a dead one left is taken over', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await once(child, 'spawn')
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
  lock()
  claim({ pid: child.pid, started: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] })
  expect(lock).toThrow(`process ${child.pid}`)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const unlock = lock()
  expect(owner().pid).toBe(process.pid)
  unlock()
})

test('a process that only has the number of the dead one does not keep it', () => {
  lock()
  // Number 1 lives, but it started at another time; and after a reboot every number is somebody else.
  claim({ pid: 1, started: '1' })
  lock()
  claim({ boot: 'another boot', pid: 1 })
  lock()
  // In a container that starts anew, the dead server had our own number.
  claim({ pid: process.pid })
  lock()()
})

test('a server on another host keeps it while it shows that it lives', () => {
  lock()
  claim({ host: 'elsewhere', pid: 1 })
  expect(lock).toThrow('process 1 on elsewhere')
  const past = new Date(Date.now() - 60_000)
  utimesSync(join(dir, 'lock'), past, past)
  lock()()
})

test('who was stopped for so long that another took over is told, and takes nothing back', () => {
  const beats: (() => void)[] = []
  let isLost = false
  const clock = {
    ...systemClock,
    after(_: number, task: () => void) {
      beats.push(task)
      return () => {}
    },
  }
  const unlock = lockFolder(dir, clock, () => {
    isLost = true
  })
  beats.pop()?.()
  expect(isLost).toBe(false)
  claim({ host: 'elsewhere' })
  beats.pop()?.()
  expect(isLost).toBe(true)
  expect(beats).toEqual([])
  unlock()
  expect(owner().host).toBe('elsewhere')
})

test('a lock that is not one is taken over', () => {
  writeFileSync(join(dir, 'lock'), '')
  lock()()
})

test('what processes have left that were killed on their way to it goes; what one that lives has there stays', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await once(child, 'spawn')
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
  const unlock = lock()
  const mine = owner()
  unlock()
  const leave = (name: string, text: string) => writeFileSync(join(dir, name), text)
  const living = { ...mine, pid: child.pid, started: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] }
  leave('lock.dead', JSON.stringify({ ...mine, boot: 'another boot', pid: 1 }))
  leave('lock.dead.aside', JSON.stringify({ ...mine, boot: 'another boot', pid: 1 }))
  leave('lock.living', JSON.stringify(living))
  leave('lock.cut', '')
  leave('lock.new', '')
  const past = new Date(Date.now() - 60_000)
  utimesSync(join(dir, 'lock.cut'), past, past)
  leave('log.mdb-lock', '')
  const free = lock()
  expect(readdirSync(dir).sort()).toEqual(['lock', 'lock.living', 'lock.new', 'log.mdb-lock'])
  free()
  child.kill('SIGKILL')
  await once(child, 'exit')
  lock()()
  expect(readdirSync(dir).sort()).toEqual(['lock.new', 'log.mdb-lock'])
})
