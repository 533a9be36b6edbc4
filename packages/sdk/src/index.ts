/** Listen to a Switchboard workspace and its calls, and publish to it, with every event typed. */
export type { ListCallEventsOptions, ObserveOptions, ObserverEventType, ObserverTypeFilter } from './calls.js'
export { createSwitchboard, Switchboard, type SwitchboardOptions } from './client.js'
export type { Clock } from './clock.js'
export type { ConnectionState, ReconnectPolicy } from './connection-state.js'
export type { Credential, CredentialRequest } from './credential.js'
export {
  type ClientFailureCode,
  type ErrorItem,
  type FailureCode,
  isSwitchboardError,
  type KnownFailureCode,
  type ServerFailureCode,
  SwitchboardError,
} from './errors.js'
export type {
  EventFilter,
  EventStream,
  ListEventsOptions,
  StreamOptions,
  WorkspaceEventHandlers,
  WorkspaceEventType,
  WorkspaceTypeFilter,
} from './events.js'
export type { Gap } from './gap.js'
export * from './generated/index.js'
export type { ObserverItem, WorkspaceItem } from './items.js'
export type { Live } from './live.js'
export type { Observation } from './observation.js'
export type { After, Item, LiveOptions, Reconnect } from './options.js'
export type { DataSubject, PersonalData } from './personal-data.js'
export { comparePositions, type Position, parsePosition } from './position.js'
export type { Published, PublishOptions } from './publish.js'
export type { RequestPolicy } from './requests.js'
export type { ApiKeys, Audit, AuditOptions, State, Streams, Tokens, Workspaces } from './resources.js'
export type { SocketConstructor, SocketLike } from './socket.js'
export type { Opened } from './sse-transport.js'
export type { SubscribeOptions, Subscription } from './subscribe.js'
export {
  isKnown,
  type ObserverEvent,
  type UnknownObserverEvent,
  type UnknownWorkspaceEvent,
  type WorkspaceEvent,
} from './unknown.js'
