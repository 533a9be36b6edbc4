import { SwitchboardError } from '@switchboard/contract'
import { Append } from '../append.js'
import type { Operation } from '../commits.js'
import type { Draft } from '../draft.js'
import type { Group } from '../group.js'
import type { LmdbLog } from '../lmdb-log.js'
import type { Appended } from '../log.js'
import { type Applied, writeApplied } from './applied.js'
import { applyCarry } from './carry.js'
import type { AppendMessage, CarryMessage } from './message.js'
import { rememberPartial } from './partial.js'
import { firstSequence } from './sequences.js'

/** A message of the stream. */
export interface StreamMessage {
  /** Its sequence in the stream. */
  readonly sequence: number
  /** The stream's time of it, unix ms. */
  readonly time: number
  /** What its publisher calls it, to be stored once. */
  readonly id: string
  readonly data: Uint8Array
}

/** What became of a message. */
export type Outcome =
  | { readonly kind: 'appended'; readonly appended: Appended }
  | { readonly kind: 'carried' }
  | { readonly kind: 'removed'; readonly entries: number }
  | { readonly kind: 'refused'; readonly error: SwitchboardError }

export interface Around {
  readonly log: LmdbLog
  readonly isCurrent: () => boolean
  /** False for a message that is read again for the sake of a batch it is a part of. */
  readonly isNew: boolean
  readonly applied: Applied
  /** Plans what else belongs to it. */
  also(draft: Draft): void
  done(outcome: Outcome | undefined, applied: Applied): void
  failed(error: SwitchboardError): void
}

/** One message on its way into the copy. */
export class Applying implements Operation {
  readonly entries: number
  readonly chars: number
  readonly alone = false
  readonly whenFull = false
  private readonly append: Append | undefined

  constructor(
    private readonly message: StreamMessage,
    private readonly content: AppendMessage | CarryMessage | undefined,
    private outcome: Outcome | undefined,
    private readonly around: Around,
  ) {
    this.append = content?.kind === 'append' ? this.appendOf(content) : undefined
    this.entries = content?.kind === 'append' ? content.events.length : 1
    this.chars = message.data.length
  }

  prepare(group: Group): void {
    if (!this.around.isCurrent()) throw new SwitchboardError('unavailable', 'it is taken again later')
    if (!this.around.isNew) return
    const { message, content, append } = this
    if (content) {
      group.moveTo({ time: message.time, sequence: firstSequence(message.sequence) })
      let stored: readonly number[] = []
      try {
        append?.prepare(group)
        stored = append?.stored ?? []
        if (content.kind === 'carry') {
          applyCarry(group, this.around.log.keys, content)
          this.outcome = { kind: 'carried' }
        }
      } catch (error) {
        // Refused: by every copy alike, for it depends on what came before alone.
        this.outcome = { kind: 'refused', error: asFailure(error) }
      }
      if (content.kind === 'append' && stored.length < content.events.length) {
        rememberPartial(group.draft, message, stored)
      }
    }
    this.around.also(group.draft)
    writeApplied(group.draft, this.around.applied)
  }

  done(): void {
    if (this.outcome === undefined) this.append?.done()
    this.around.done(this.outcome, this.around.applied)
  }

  failed(error: SwitchboardError): void {
    this.around.failed(error)
  }

  private appendOf({ channel, events, request, moved }: AppendMessage): Append {
    const answered = (appended: Appended) => {
      this.outcome = { kind: 'appended', appended }
    }
    return new Append(channel, events, request, this.around.log.keys, answered, () => {}, moved)
  }
}

export function asFailure(error: unknown): SwitchboardError {
  return error instanceof SwitchboardError
    ? error
    : new SwitchboardError('internal', 'the log failed to store this', { cause: error })
}
