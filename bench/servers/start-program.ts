import { once } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Child } from '../../packages/server/src/nats/child.js'
import { pollUntil } from '../../packages/server/src/nats/poll.js'
import { cores, pinned } from '../cores.js'
import { processTree } from '../processor.js'
import type { Stage } from '../stage.js'

const READY_MS_MAX = 20_000
const END_MS_MAX = 5_000
const LAST_WORDS_CHARS = 1_000

export interface ProgramOptions {
  readonly command: readonly string[]
  /** Where what it says goes. */
  readonly folder: string
  /** It is ready when it takes connections here; absent: at once. */
  readonly port?: number
}

export interface Program {
  readonly pid: number
  end(): Promise<void>
}

/** Starts a server's process on the servers' core. Resolves when it takes connections. @throws Error with its last words. */
export async function startProgram(stage: Stage, { command, folder, port }: ProgramOptions): Promise<Program> {
  const [name = ''] = command
  const logFile = join(folder, 'output.log')
  const log = createWriteStream(logFile, { flags: 'a' })
  await once(log, 'open')
  const lastWords = () => readFileSync(logFile, 'utf8').slice(-LAST_WORDS_CHARS)
  const child = new Child(pinned(cores.server, command), {
    stdio: ['ignore', log, log],
    onDeath: (how) => stage.say(`${name} ended by itself: ${how} ${lastWords()}`),
  })
  const end = async () => {
    const started = child.isEnded ? [] : processTree(child.pid ?? 0)
    await child.end(END_MS_MAX)
    // Some leave what they have started behind when they are killed.
    for (const pid of started) killIfThere(pid)
    log.close()
  }
  stage.onEnd(end)
  if (port !== undefined) {
    await pollUntil(`${name} to take connections`, READY_MS_MAX, async () => {
      if (child.isEnded) throw new Error(`${name} did not start: ${lastWords()}`)
      return (await takesConnections(port)) ? { answer: true } : { missing: lastWords() }
    })
  }
  return { pid: child.pid ?? 0, end }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
