export type { Clock } from './clock.js'
export { systemClock } from './clock.js'
export { inspectGateway } from './compose/inspect-gateway.js'
export { addressHere } from './compose/listen.js'
export { version } from './compose/version.js'
export { logTrouble } from './log/environment.js'
export { lockFolder } from './log/lock.js'
export { type RunningServer, type ServerOptions, startServer } from './main.js'
export type { Comparison } from './migrate/compare-channel.js'
export type { Migrated, MigrateOptions, Planned } from './migrate/migrate.js'
export type { Moved, Progress } from './migrate/move-workspace.js'
export { Child, type Ending } from './nats/child.js'
export { freePorts } from './nats/free-ports.js'
export { LocalNats, loopbackPlaces } from './nats/local-nats.js'
export type { NatsNode } from './nats/node.js'
export type { Durability } from './nats/synchronous.js'
export {
  type Certificate,
  certificateFiles,
  dateTrouble,
  isFor,
  isoDate,
  ownCertificate,
  readCertificate,
} from './ops/certificate.js'
export { type Config, ConfigError, configWarnings, type Flags, readConfig } from './ops/config.js'
export { createLogger, type Logger } from './ops/logging.js'
export { privateFile } from './ops/private-file.js'
export { type SettingName, settingList, settings } from './ops/settings.js'
