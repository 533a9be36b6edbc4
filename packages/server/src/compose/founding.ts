import type { Clock } from '../clock.js'
import type { Config } from '../ops/config.js'
import type { CertificateSource } from '../ops/live-certificate.js'
import type { Logger } from '../ops/logging.js'
import type { Undo } from './undo.js'

/** What is known of a server before anything of it is opened. */
export interface Founding {
  readonly config: Config
  readonly clock: Clock
  readonly logger: Logger
  /** See `ServerOptions`. */
  readonly ownsProcess: boolean
  /** What to serve HTTPS with; undefined for plain HTTP. */
  readonly certificate: CertificateSource | undefined
  /** What has been opened, should the start fail. */
  readonly undo: Undo
}
