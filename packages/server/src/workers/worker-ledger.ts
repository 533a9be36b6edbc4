import type { Environment } from '../log/environment.js'
import type { Faults } from '../log/faults.js'
import type { LedgerDraft } from '../log/ledger.js'
import { LedgerFile } from '../log/ledger-file.js'
import type { Line } from './line.js'
import type { ParentSide, WorkerSide } from './protocol.js'

/** Ledgers as a worker has them: it reads the file itself, and its parent links and writes. */
export class WorkerLedger extends LedgerFile {
  constructor(
    environment: Environment,
    faults: Faults,
    private readonly line: Line<WorkerSide, ParentSide>,
  ) {
    super(environment, faults, () => environment.renew())
  }

  append(workspace: string, drafts: readonly LedgerDraft[]): Promise<void> {
    return this.line.ask('appendLedger', workspace, drafts)
  }

  retain(workspace: string, before: number): Promise<number> {
    return this.line.ask('retainLedger', workspace, before)
  }
}
