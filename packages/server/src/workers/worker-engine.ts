import type { Clock } from '../clock.js'
import { openForReading } from '../log/environment.js'
import { Faults } from '../log/faults.js'
import { throwLater } from '../log/followers.js'
import type { Engine, Health, Projection } from '../log/log.js'
import { type Privacy, Vault } from '../log/vault.js'
import type { Line } from './line.js'
import { blockOf, type ParentNews, type ParentSide, type WorkerSide } from './protocol.js'
import { WorkerLedger } from './worker-ledger.js'
import { WorkerLog } from './worker-log.js'
import { WorkerStore } from './worker-store.js'

export interface WorkerEngineOptions {
  /** The parent's data folder. */
  readonly dir: string
  readonly clock: Clock
  readonly line: Line<WorkerSide, ParentSide>
  /** As the parent has them: default, nothing is sealed. */
  readonly privacy?: Privacy | undefined
  readonly projections?: readonly Projection[]
  /** What a follower or a watcher has thrown, which is a bug. Default: thrown again as an uncaught exception. */
  readonly onListenerError?: (error: unknown) => void
}

export interface WorkerEngine extends Engine {
  /** Takes in what the parent tells of the log and the store. */
  hear(news: Extract<ParentNews, { kind: 'followed' | 'changed' | 'erased' }>): void
  hearHealth(health: Health): void
}

/**
 * The embedded engine of a worker, over the file that its parent has open and writes.
 * @throws SwitchboardError `storage_fault` when it cannot be read.
 */
export async function openWorkerEngine(options: WorkerEngineOptions): Promise<WorkerEngine> {
  const { dir, clock, line, privacy, projections = [], onListenerError = throwLater } = options
  const faults = new Faults((fault) => line.tell({ kind: 'fault', fault }))
  const environment = await openForReading(dir, (detail) => void faults.damaged(detail))
  const vault = privacy && Vault.open(environment, faults, dir, privacy, { readOnly: true })
  // Not writable until the parent says so, with its first pulse.
  const log = new WorkerLog(environment, faults, line, clock, false, onListenerError, vault, projections)
  const store = new WorkerStore(environment, faults, line, onListenerError)
  return {
    log,
    store,
    ledger: new WorkerLedger(environment, faults, line),
    hear(news) {
      if (news.kind === 'changed') store.told(news.change)
      else if (news.kind === 'erased') log.toldErased(news.workspace, news.subject)
      else log.told(news.blocks.map(([channel, parts]) => [channel, blockOf(parts)] as const))
    },
    hearHealth: (health) => log.toldHealth(health),
    close: () => log.close(),
  }
}
