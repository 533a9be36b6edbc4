import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from '@switchboard/server'
import { onTestFinished } from 'vitest'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const bin = join(root, 'packages/cli/bin/switchboard.js')

/** The command line as it is installed runs compiled code, so that is what is tested. */
export function build(): void {
  const { status, stdout } = spawnSync(
    process.execPath,
    [`${root}node_modules/typescript7/bin/tsc`, '-b', 'packages/cli'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  )
  if (status !== 0) throw new Error(stdout)
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  return port as number
}

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** One process of the command line. It ends with the test. */
export class Running {
  stdout = ''
  stderr = ''
  readonly ended: Promise<Ended>
  private readonly child: ChildProcess
  private readonly wakers = new Set<() => void>()

  constructor(args: readonly string[], env: Readonly<Record<string, string>>, input?: string) {
    this.child = spawn(process.execPath, [bin, ...args], {
      env: { PATH: process.env.PATH, TZ: 'UTC', ...env },
      cwd: env.HOME,
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.wake()
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.wake()
    })
    this.ended = new Promise((resolve) => {
      this.child.on('close', (status) => {
        resolve({ status, stdout: this.stdout, stderr: this.stderr })
        this.wake()
      })
    })
    this.child.stdin?.end(input ?? '')
    onTestFinished(async () => {
      await this.kill('SIGKILL')
    })
  }

  /** Resolves when the output so far satisfies this; fails when the process ends before that. */
  async until(seen: (running: Running) => boolean): Promise<void> {
    while (!seen(this)) {
      if (this.child.exitCode !== null)
        throw new Error(`ended with ${this.child.exitCode}: ${this.stdout}${this.stderr}`)
      await new Promise<void>((resolve) => {
        const waker = (): void => {
          this.wakers.delete(waker)
          resolve()
        }
        this.wakers.add(waker)
      })
    }
  }

  get lines(): readonly string[] {
    return this.stdout.split('\n').slice(0, -1)
  }

  async kill(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal)
    return this.ended
  }

  /** Closes our end of its output, as `head` does. */
  stopReading(): void {
    this.child.stdout?.destroy()
  }

  private wake(): void {
    for (const waker of [...this.wakers]) waker()
  }
}

/** A user with a home folder of their own, and an empty folder for a server's data. */
export class User {
  readonly home = mkdtempSync(join(tmpdir(), 'switchboard-home-'))
  readonly data = join(this.home, 'data')
  readonly env: Readonly<Record<string, string>>

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.env = { HOME: this.home, ...env }
    onTestFinished(() => rmSync(this.home, { recursive: true, force: true, maxRetries: 5 }))
  }

  get credentials(): string {
    return join(this.home, '.config/switchboard/credentials.json')
  }

  start(...args: readonly string[]): Running {
    return new Running(args, this.env)
  }

  run(...args: readonly string[]): Promise<Ended> {
    return this.start(...args).ended
  }

  /** Runs a command with this on standard input. */
  pipe(input: string, ...args: readonly string[]): Promise<Ended> {
    return new Running(args, this.env, input).ended
  }

  /** Starts a server on this user's data, and waits until it takes requests. */
  async serve(port: number, ...args: readonly string[]): Promise<Running> {
    const server = this.start('serve', '--port', String(port), '--data-dir', this.data, '--log-level', 'warn', ...args)
    await server.until(({ stdout, stderr }) => (stdout + stderr).includes(`http://127.0.0.1:${port}`))
    return server
  }
}
