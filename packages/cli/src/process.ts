import { once, setMaxListeners } from 'node:events'
import { homedir } from 'node:os'
import type { Context, Output } from './context.js'

/** Why a command was stopped from outside. */
export type Stop = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'broken pipe'

/** A context of this process, and what `main` needs to know about it afterwards. */
export interface ProcessContext {
  readonly context: Context
  /** What stopped the command; undefined when nothing did. */
  stopped(): Stop | undefined
}

/**
 * The world as this process has it.
 * @param colour False to leave colours out wherever they would go.
 */
export function processContext(colour: boolean): ProcessContext {
  const controller = new AbortController()
  // Every request under way listens to it, and `simulate` has many.
  setMaxListeners(0, controller.signal)
  let stopped: Stop | undefined
  const stop = (why: Stop): void => {
    if (stopped !== undefined && why !== 'broken pipe') {
      // Asked twice: the first one was heard and takes too long for whoever asks.
      process.exit(why === 'SIGINT' ? 130 : 143)
    }
    stopped = why
    controller.abort(why)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal))
  const stdout = outputOf(process.stdout, colour, () => stop('broken pipe'))
  const context: Context = {
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    stdout,
    stderr: outputOf(process.stderr, colour, () => {}),
    stdin: process.stdin,
    fetch: globalThis.fetch,
    now: () => Date.now(),
    sleep,
    signal: controller.signal,
  }
  return { context, stopped: () => stopped }
}

/** `head` and the like close the pipe when they have had enough: that ends the command, and is no failure. */
function outputOf(stream: NodeJS.WriteStream, colour: boolean, onBroken: () => void): Output {
  let broken = false
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (!broken && error.code !== 'EPIPE' && error.code !== 'EIO') throw error
    broken = true
    onBroken()
  })
  return {
    isTTY: stream.isTTY === true,
    colour: colour && wantsColour(stream),
    get columns() {
      // Some terminals say 0 when they do not know.
      return stream.isTTY && stream.columns > 0 ? stream.columns : undefined
    },
    async write(text) {
      if (broken || stream.write(text)) return
      // A stream that breaks never drains.
      await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => {})
    },
  }
}

function wantsColour(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '' && FORCE_COLOR !== '0') return true
  return stream.isTTY === true && TERM !== 'dumb'
}

/** Timers hold at most this many milliseconds; more would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, Math.min(ms, TIMER_MS_MAX))
    signal?.addEventListener('abort', done)
  })
}
