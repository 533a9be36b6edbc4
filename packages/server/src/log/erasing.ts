import { SwitchboardError } from '@switchboard/contract'
import type { Operation } from './commits.js'
import { Draft } from './draft.js'
import type { Group } from './group.js'
import { storeKey } from './keys.js'
import type { Erasure, StoredName } from './log.js'
import type { Records } from './records.js'
import { sealJson } from './seal.js'
import type { Subject } from './subject.js'
import type { Erasing, Vault } from './vault.js'

/** The erasure of a subject's personal data, on its way to the disk. */
export class EraseData implements Operation {
  readonly entries = 0
  readonly chars = 0
  readonly alone = true
  readonly whenFull = true
  private erasing: Erasing | undefined
  private answer: Erasure = { erasedAt: undefined, isNew: false }

  constructor(
    private readonly vault: Vault,
    private readonly records: Records,
    private readonly workspace: string,
    private readonly subject: Subject,
    private readonly unless: StoredName | undefined,
    /** Told when the data is gone, or was before. */
    private readonly onErased: () => void,
    private readonly resolve: (erasure: Erasure) => void,
    private readonly reject: (error: SwitchboardError) => void,
  ) {}

  prepare({ draft: below, now }: Group): void {
    const draft = new Draft(below)
    const { vault, workspace, subject, unless } = this
    if (unless && draft.get('store', storeKey(unless.kind, unless.key)) !== undefined) {
      throw new SwitchboardError('legal_hold', `Nothing was erased: this ${subject.kind} is under a legal hold.`)
    }
    if (!vault.hasKeys(workspace, subject)) {
      this.answer = { erasedAt: vault.erasedAt(workspace, subject), isNew: false }
      return
    }
    const masked = this.records.masked(workspace, subject)
    this.erasing = vault.begin(workspace, subject)
    this.erasing.plan(draft, now)
    for (const { row, record } of masked) draft.put('projections', row, sealJson(row, record))
    // Whatever threw above has planned nothing.
    draft.keep()
    this.answer = { erasedAt: now, isNew: true }
  }

  done(): void {
    let failure: SwitchboardError | undefined
    try {
      this.erasing?.done()
    } catch (cause) {
      // The keys are gone from the log; what they were wrapped with is still there, and goes with the next erasure or start.
      const detail = 'the data is erased, and the keys it was sealed with are destroyed at the next erasure or start'
      failure = new SwitchboardError('storage_fault', detail, { cause })
    }
    this.onErased()
    if (failure) this.reject(failure)
    else this.resolve(this.answer)
  }

  failed(error: SwitchboardError): void {
    this.reject(error)
  }
}
