import type { ChannelKind, FailureCode } from '@switchboard/contract'

/** What the server counts. No argument ever carries personal data or an id: each becomes a metric label. */
export interface Meter {
  /** Events made durable by one append, and how long that took. */
  appended(kind: ChannelKind, events: number, seconds: number): void
  /** A request was refused or a stream ended with a failure. */
  refused(code: FailureCode): void
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
