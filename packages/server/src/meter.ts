import type { ChannelKind, FailureCode } from '@switchboard/contract'

/**
 * What the server counts. No argument ever carries personal data or an id, since each becomes a metric label; the
 * workspace does not become one, and is for counts that only the workspace itself may read.
 */
export interface Meter {
  /** Events made durable by one append, and how long that took. */
  appended(kind: ChannelKind, events: number, seconds: number, workspace: string): void
  /** A request was refused or a stream ended with a failure. @param workspace Once it is known whose it is. */
  refused(code: FailureCode, workspace?: string): void
  streamOpened(kind: ChannelKind): void
  streamClosed(kind: ChannelKind): void
  /** Bytes and events handed to subscribers' sockets. */
  delivered(kind: ChannelKind, events: number, bytes: number): void
  gap(kind: ChannelKind): void
  /** From durable to handed to a socket that was on the tail, in seconds. Sampled. */
  deliveryLag(kind: ChannelKind, seconds: number): void
}

export const noMeter: Meter = {
  appended() {},
  refused() {},
  streamOpened() {},
  streamClosed() {},
  delivered() {},
  gap() {},
  deliveryLag() {},
}
