import type { EventEmitter } from 'node:events'
import type { Clock } from '../clock.js'
import type { Health } from './health.js'
import type { Logger } from './logging.js'

/** Exit statuses of the server, as `sysexits.h` and shells have them. */
export const exits = {
  /** It stopped when it was asked to, with everything said and written. */
  stopped: 0,
  /** It was asked to stop and did not manage within its time. */
  late: 1,
  /** Something failed that nobody had thought of. */
  failed: 70,
  /** A second signal: by custom 128 and the signal's number. */
  forced: { SIGINT: 130, SIGTERM: 143 },
} as const

const KEEP_ALIVE_MS = 1000

/** One step of a shutdown: it resolves when it is done. */
export interface StopStep {
  /** For the log, for example `streams`. */
  readonly name: string
  run(): Promise<void> | void
}

export interface LifecycleOptions {
  readonly health: Health
  readonly logger: Logger
  readonly clock: Clock
  /** How long all steps together may take, in milliseconds. */
  readonly drainMs: number
  /** In their order: first what lets new work in, last the storage. A step that fails does not keep the next from running. */
  readonly steps: readonly StopStep[]
  /** Makes sure at once, without waiting, that nothing more is acknowledged. */
  readonly refuseAppends: () => void
  /** False when signals are somebody else's matter, such as the command line's, which then calls `stop`. Default true. */
  readonly signals?: boolean
  /** Default: this process. */
  readonly process?: EventEmitter
  /** Default: `process.exit`. */
  readonly exit?: (status: number) => void
}

export interface Lifecycle {
  /** Stops as a first signal would. Resolves when all steps are done or their time is over; it does not end the process. */
  stop(reason: string): Promise<'stopped' | 'late'>
  /** Listens to signals and failures no more. */
  release(): void
}

type Signal = keyof typeof exits.forced
const SIGNALS = Object.keys(exits.forced) as Signal[]

/**
 * Ends the process in order.
 *
 *     SIGTERM, SIGINT     not ready → steps, within the drain time → exit 0, or 1 when they took too long
 *     a second one        exit at once: what was acknowledged is durable, and clients resume
 *     a failure nobody    one line in the log → nothing more is acknowledged → exit 70, for whatever runs the
 *     caught              process to start it again: a process in an unknown state must not go on answering
 */
export function watchOver(options: LifecycleOptions): Lifecycle {
  const { health, logger, clock, drainMs, steps, refuseAppends } = options
  const host = options.process ?? process
  const exit = options.exit ?? ((status) => process.exit(status))
  let stopping: Promise<'stopped' | 'late'> | undefined

  function stop(reason: string): Promise<'stopped' | 'late'> {
    stopping ??= (async () => {
      health.tell({ kind: 'stopping' })
      logger.info({ reason, drain_ms: drainMs }, 'stopping')
      // A step may wait for something that keeps no process alive: without this it would end as if all were well.
      const alive = setInterval(() => {}, KEEP_ALIVE_MS)
      const late = timeout(clock, drainMs)
      const outcome = await Promise.race([runAll(), late.over])
      late.cancel()
      clearInterval(alive)
      if (outcome === 'late') logger.warn({ step: current }, 'not everything ended within the drain time')
      else logger.info('stopped')
      return outcome
    })()
    return stopping
  }

  let current = ''
  async function runAll(): Promise<'stopped'> {
    for (const step of steps) {
      current = step.name
      try {
        await step.run()
      } catch (error) {
        logger.error({ err: error, step: step.name }, 'a step of the shutdown failed')
      }
    }
    return 'stopped'
  }

  function onSignal(signal: Signal): void {
    if (stopping !== undefined) {
      logger.warn({ signal }, 'stopped by force')
      exit(exits.forced[signal])
      return
    }
    void stop(signal).then((outcome) => exit(exits[outcome]))
  }

  function onFailure(error: unknown): void {
    // The order matters: should logging itself be what fails, nothing is acknowledged any more.
    refuseAppends()
    health.tell({ kind: 'failed', reason: 'It failed and is about to end.' })
    logger.fatal({ err: error }, 'a failure that nobody caught: the process ends')
    exit(exits.failed)
  }

  const signals = options.signals === false ? [] : SIGNALS
  const signalListeners = signals.map((signal) => [signal, () => onSignal(signal)] as const)
  for (const [signal, listener] of signalListeners) host.on(signal, listener)
  host.on('uncaughtException', onFailure)
  host.on('unhandledRejection', onFailure)

  return {
    stop,
    release() {
      for (const [signal, listener] of signalListeners) host.off(signal, listener)
      host.off('uncaughtException', onFailure)
      host.off('unhandledRejection', onFailure)
    },
  }
}

function timeout(clock: Clock, ms: number): { readonly over: Promise<'late'>; cancel(): void } {
  let cancel = (): void => {}
  const over = new Promise<'late'>((resolve) => {
    cancel = clock.after(ms, () => resolve('late'))
  })
  return { over, cancel: () => cancel() }
}
