import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Clock } from '../clock.js'
import { createHealth } from './health.js'
import { type StopStep, watchOver } from './lifecycle.js'
import { createLogger } from './logging.js'

/** A clock whose one timer fires when the test says so. */
function handClock(): Clock & { fire(): void } {
  const tasks = new Set<() => void>()
  return {
    now: () => 0,
    monotonic: () => 0,
    after(_, task) {
      tasks.add(task)
      return () => tasks.delete(task)
    },
    fire() {
      for (const task of tasks) task()
    },
  }
}

function watched(steps: readonly StopStep[], signals = true) {
  const host = new EventEmitter()
  const lines: string[] = []
  const health = createHealth()
  const clock = handClock()
  const done: string[] = []
  let exited: (status: number) => void = () => {}
  const exit = new Promise<number>((resolve) => {
    exited = resolve
  })
  const lifecycle = watchOver({
    health,
    logger: createLogger({ level: 'info', sink: { write: (line) => lines.push(line) } }),
    clock,
    drainMs: 10_000,
    steps,
    refuseAppends: () => done.push('appends refused'),
    signals,
    process: host,
    exit: (status) => {
      done.push(`exit ${status}`)
      exited(status)
    },
  })
  health.tell({ kind: 'started' })
  return { host, lines, health, clock, done, exit, lifecycle }
}

describe('a shutdown', () => {
  test('is not ready from the first moment, runs its steps in order and ends with 0', async () => {
    const order: string[] = []
    const step = (name: string): StopStep => ({
      name,
      run: async () => {
        await Promise.resolve()
        order.push(name)
      },
    })
    const { host, exit, health } = watched([step('listener'), step('streams'), step('log')])
    host.emit('SIGTERM')
    expect(health.isDraining).toBe(true)
    expect(await exit).toBe(0)
    expect(order).toEqual(['listener', 'streams', 'log'])
  })

  test('goes on after a step that failed, and says so', async () => {
    const order: string[] = []
    const { host, exit, lines } = watched([
      { name: 'broken', run: () => Promise.reject(new Error('boom')) },
      { name: 'log', run: () => void order.push('log') },
    ])
    host.emit('SIGINT')
    expect(await exit).toBe(0)
    expect(order).toEqual(['log'])
    expect(lines.join('')).toContain('boom')
  })

  test('ends when its time is over, naming what it waited for', async () => {
    const { host, exit, clock, lines } = watched([{ name: 'streams', run: () => new Promise(() => {}) }])
    host.emit('SIGTERM')
    await Promise.resolve()
    clock.fire()
    expect(await exit).toBe(1)
    expect(lines.join('')).toContain('"step":"streams"')
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ])('ends at once on a second signal (%s)', (signal, status) => {
    const { host, done } = watched([{ name: 'streams', run: () => new Promise(() => {}) }])
    host.emit('SIGTERM')
    host.emit(signal)
    expect(done).toEqual([`exit ${status}`])
  })

  test('may be asked for without a signal, once or several times, and does not end the process', async () => {
    const { lifecycle, done } = watched([])
    expect(await Promise.all([lifecycle.stop('a test'), lifecycle.stop('again')])).toEqual(['stopped', 'stopped'])
    expect(done).toEqual([])
  })

  test('leaves signals alone where they are somebody else’s matter, and everything once released', () => {
    const { host, lifecycle } = watched([], false)
    expect(host.listenerCount('SIGTERM')).toBe(0)
    expect(host.listenerCount('uncaughtException')).toBe(1)
    lifecycle.release()
    expect(host.eventNames()).toEqual([])
  })
})

test.each(['uncaughtException', 'unhandledRejection'])(
  'after a failure that nobody caught nothing is acknowledged, one line is logged and the process ends (%s)',
  (event) => {
    const { host, done, lines, health } = watched([])
    host.emit(event, new Error('boom'))
    expect(done).toEqual(['appends refused', 'exit 70'])
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'fatal', err: { message: 'boom' } })
    expect(health.readiness().status).toBe('not_ready')
  },
)

describe.skipIf(process.platform === 'win32')('a real process', () => {
  const at = (name: string) => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)))
  /** Starts a server that is nothing but its lifecycle; its one step takes as long as is said. */
  function start(then: string, stepMs = 0) {
    const code = `
      const { watchOver } = await import(${at('./lifecycle.ts')})
      const { createHealth } = await import(${at('./health.ts')})
      const { createLogger } = await import(${at('./logging.ts')})
      const { systemClock } = await import(${at('../clock.ts')})
      watchOver({
        health: createHealth(), logger: createLogger({ level: 'info' }), clock: systemClock, drainMs: 300,
        steps: [{ name: 'a step', run: () => new Promise((done) => setTimeout(done, ${stepMs})) }],
        refuseAppends() {},
      })
      setInterval(() => {}, 1000)
      ${then}
      process.stdout.write('up\\n')
    `
    const args = ['--import', 'tsx', '--conditions', '@switchboard/source', '--input-type=module', '-e', code]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    let output = ''
    const up = new Promise<void>((resolve) => {
      child.stdout.on('data', (bytes) => {
        output += bytes
        if (output.includes('up\n')) resolve()
      })
    })
    child.stderr.on('data', (bytes) => {
      output += bytes
    })
    const status = once(child, 'close').then(([code]) => code as number)
    return { child, up, status, output: () => output }
  }

  test('stops with 0 on SIGTERM', async () => {
    const { child, up, status, output } = start('')
    await up
    child.kill('SIGTERM')
    expect(await status, output()).toBe(0)
    expect(output()).toContain('"reason":"SIGTERM"')
  })

  test('stops with 1 when a step takes longer than the drain time', async () => {
    const { child, up, status, output } = start('', 60_000)
    await up
    child.kill('SIGINT')
    expect(await status, output()).toBe(1)
  })

  test.each([
    ['an exception', "setTimeout(() => { throw new Error('boom') }, 10)"],
    ['a rejection', "Promise.reject(new Error('boom'))"],
    ['a rejection with nothing', 'Promise.reject()'],
  ])('ends with 70 and one line after %s that nobody caught', async (_, failing) => {
    const { status, output } = start(failing)
    expect(await status, output()).toBe(70)
    const fatal = output()
      .split('\n')
      .filter((line) => line.includes('"level":"fatal"'))
    expect(fatal).toHaveLength(1)
  })
})
