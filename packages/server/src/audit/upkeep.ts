import type { Clock } from '../clock.js'
import type { Engine } from '../log/log.js'
import { reckon, SILENT_MS_MAX } from './processes.js'

export interface UpkeepDeps {
  readonly engine: Pick<Engine, 'store' | 'ledger'>
  readonly clock: Clock
  readonly workspaces: () => Promise<readonly { readonly id: string }[]>
  readonly retentionMs: number
  /** This process, if it serves; `undefined` for one that does not. */
  readonly server: string | undefined
  /** True where no other process can have the storage open when this one starts: all that there were have ended. */
  readonly isAlone: boolean
  readonly warn: (line: string) => void
}

/** Between two looks for processes that have died, and for records that are too old, in ms. */
const DEAD_MS = 30_000
const OLD_MS = 60 * 60 * 1000

export interface Upkeep {
  /** A process of this machine has ended, and not in order. */
  died(pid: number | undefined): void
  end(): Promise<void>
}

/** Keeps house in audit trails, again and again. */
export function keepAudit(deps: UpkeepDeps): Upkeep {
  const { engine, clock, workspaces, retentionMs, server, isAlone, warn } = deps
  let ended = false
  let cancel = () => {}
  const died: number[] = []
  let retainedAt = Number.NEGATIVE_INFINITY

  async function look(isFirst: boolean): Promise<void> {
    try {
      const dead = died.splice(0)
      await reckon({ engine, clock, workspaces, server }, ({ pid, seenAt }) => {
        return (isFirst && isAlone) || dead.some((each) => each === pid) || clock.now() - seenAt > SILENT_MS_MAX
      })
      if (clock.monotonic() - retainedAt >= OLD_MS) {
        for (const { id } of await workspaces()) {
          if (ended) return
          await engine.ledger.retain(id, clock.now() - retentionMs)
        }
        retainedAt = clock.monotonic()
      }
    } catch (error) {
      // The next look may do better.
      warn(`Audit trails could not be looked after: ${(error as Error).message}`)
    }
    if (!ended) cancel = clock.after(died.length > 0 ? 0 : DEAD_MS, again)
  }

  function again(): void {
    running = look(false)
  }

  let running = look(true)
  return {
    died(pid) {
      if (pid === undefined || ended) return
      died.push(pid)
      // After the look under way, if there is one.
      void running.then(() => {
        if (ended || died.length === 0) return
        cancel()
        again()
      })
    },
    async end() {
      ended = true
      cancel()
      await running
    },
  }
}
