/** One ordered log: a workspace's events, or, with `call`, one call's observer events. */
export interface Channel {
  readonly workspace: string
  readonly call?: string
}
