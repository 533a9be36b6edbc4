import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { SwitchboardError } from '@switchboard/contract'
import type { Operation } from './commits.js'
import { type Environment, openEnvironment } from './environment.js'
import { Faults } from './faults.js'
import { assertNotRestoring, prepareFolder } from './folder.js'
import { throwLater } from './followers.js'
import { LmdbLedger } from './ledger-file.js'
import { LmdbLog, type LmdbLogOptions } from './lmdb-log.js'
import { lockFolder } from './lock.js'
import type { Engine, Fault } from './log.js'
import { LmdbStore } from './store.js'
import { type Privacy, Vault } from './vault.js'
import { WRAPPING_KEYS_FILE } from './wrapping-keys.js'

export interface LmdbOptions extends Omit<LmdbLogOptions, 'vault'> {
  /** The folder, made when it is not there. One server at a time may use it. */
  readonly dir: string
  /** Default: personal data is kept in clear text. */
  readonly privacy?: Privacy | undefined
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
  const { dir, clock, privacy, onFault = () => {}, onListenerError = throwLater } = options
  await prepareDataFolder(dir)
  if (privacy === undefined && existsSync(join(dir, WRAPPING_KEYS_FILE))) {
    throw new SwitchboardError('storage_fault', `${dir} holds sealed data: it cannot be used without its sealing key`)
  }
  let unlock = () => {}
  let log: LmdbLog | undefined
  let environment: Environment | undefined
  try {
    unlock = lockFolder(dir, clock, () => log?.giveUp('another server has taken the data folder over'))
    assertNotRestoring(dir)
    const faults = new Faults(onFault)
    environment = await openEnvironment(dir, (detail) => void faults.damaged(detail))
    const vault = privacy && Vault.open(environment, faults, dir, privacy)
    log = new LmdbLog(environment, faults, { ...options, vault })
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
    await environment?.close()
    unlock()
    throw unusable(dir, error)
  }
}

/**
 * Makes the folder when it is not there: for what is to be in it before the engine is opened.
 * @throws SwitchboardError `storage_fault` when it cannot be made.
 */
export async function prepareDataFolder(dir: string): Promise<void> {
  try {
    await prepareFolder(dir)
  } catch (error) {
    throw unusable(dir, error)
  }
}

function unusable(dir: string, error: unknown): SwitchboardError {
  if (error instanceof SwitchboardError) return error
  const { message } = error as Error
  return new SwitchboardError('storage_fault', `the data folder ${dir} cannot be used: ${message}`, { cause: error })
}
