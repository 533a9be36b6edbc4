import { SwitchboardError } from '@switchboard/contract'
import type { Operation } from './commits.js'
import { openEnvironment } from './environment.js'
import { Faults } from './faults.js'
import { prepareFolder } from './folder.js'
import { throwLater } from './followers.js'
import { LmdbLedger } from './ledger-file.js'
import { LmdbLog, type LmdbLogOptions } from './lmdb-log.js'
import { lockFolder } from './lock.js'
import type { Engine, Fault } from './log.js'
import { LmdbStore } from './store.js'

export interface LmdbOptions extends LmdbLogOptions {
  /** The folder, made when it is not there. One server at a time may use it. */
  readonly dir: string
  /** Told of every new fault, once. */
  readonly onFault?: (fault: Fault) => void
}

export interface LmdbEngine extends Engine {
  readonly log: LmdbLog
}

/**
 * Opens the embedded engine: the log and the store in one LMDB file.
 * @throws SwitchboardError `unavailable` when another server has the folder; `storage_full` when it has no room;
 *   `storage_fault` when it cannot be used, or holds a file that is no log or one of another format. Damage inside a log
 *   is no reason to refuse: `health` names it.
 */
export async function openLmdbEngine(options: LmdbOptions): Promise<LmdbEngine> {
  const { dir, clock, onFault = () => {}, onListenerError = throwLater } = options
  let unlock = () => {}
  let log: LmdbLog | undefined
  try {
    await prepareFolder(dir)
    unlock = lockFolder(dir, clock, () => log?.giveUp('another server has taken the data folder over'))
    const faults = new Faults(onFault)
    const environment = await openEnvironment(dir, (detail) => void faults.damaged(detail))
    log = new LmdbLog(environment, faults, options)
    const opened = log
    const push = (operation: Operation): void => opened.push(operation)
    const store = new LmdbStore(environment, faults, push, onListenerError)
    return {
      log: opened,
      store,
      ledger: new LmdbLedger(environment, faults, push),
      async close() {
        await opened.close()
        unlock()
      },
    }
  } catch (error) {
    unlock()
    if (error instanceof SwitchboardError) throw error
    const { message } = error as Error
    throw new SwitchboardError('storage_fault', `the data folder ${dir} cannot be used: ${message}`, { cause: error })
  }
}
