import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { guard } from './guard.js'

/** How a process ended, for people: `exit status 1`, `SIGKILL`. */
export type Ending = string

export interface ChildOptions {
  readonly stdio: NonNullable<SpawnOptions['stdio']>
  readonly env?: NodeJS.ProcessEnv
  /** Hears of an end that nobody here asked for. */
  onDeath(how: Ending): void
}

/**
 * A process that belongs to this one: it ends when it is told to, and is killed when this process is gone.
 *
 *     running ─pause─▶ paused ─resume─▶ running ─end, kill, or by itself─▶ ended
 */
export class Child {
  /** Resolves, and never rejects, when the process is no more, or never was. */
  readonly ended: Promise<Ending>
  readonly process: ChildProcess
  private isPaused = false
  private isOver = false
  private isAsked = false

  constructor(command: readonly string[], { stdio, env, onDeath }: ChildOptions) {
    const [program = '', ...args] = command
    // A group of its own: Ctrl-C at a terminal goes to a whole group, and who ends first is for us to say.
    this.process = spawn(program, args, { stdio, detached: true, ...(env !== undefined && { env }) })
    this.ended = new Promise<Ending>((resolve) => {
      this.process.once('error', (error) => resolve(error.message))
      this.process.once('exit', (status, signal) => resolve(signal ?? `exit status ${status}`))
    }).then((how) => {
      this.isOver = true
      if (!this.isAsked) onDeath(how)
      return how
    })
    guard(this.process)
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.process.pid
  }

  /** Whether it is there and at work. */
  get isRunning(): boolean {
    return !this.isOver && !this.isPaused
  }

  get isEnded(): boolean {
    return this.isOver
  }

  /** Stops it in its tracks, as a machine that hangs. Its connections stay open. */
  pause(): void {
    this.isPaused = this.process.kill('SIGSTOP')
  }

  resume(): void {
    this.process.kill('SIGCONT')
    this.isPaused = false
  }

  /** Ends it without a chance to clean up. */
  async kill(): Promise<Ending> {
    this.isAsked = true
    this.process.kill('SIGKILL')
    return this.ended
  }

  /** Asks it to end, and kills it when it does not in time. */
  async end(graceMs: number): Promise<Ending> {
    this.isAsked = true
    if (this.isPaused) this.resume()
    this.process.kill('SIGTERM')
    const timer = setTimeout(() => this.process.kill('SIGKILL'), graceMs)
    const how = await this.ended
    clearTimeout(timer)
    return how
  }
}
