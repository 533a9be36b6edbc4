/** What may serve as a reason for a process's failures. */
export interface Condition {
  /** The disk was full at some time. */
  readonly wasFull: boolean
  /** The disk failed, or did not answer. */
  readonly isBroken: boolean
  /** The log closes. */
  readonly isClosing: boolean
}
