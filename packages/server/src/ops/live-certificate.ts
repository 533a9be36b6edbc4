import { type FSWatcher, watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../clock.js'
import {
  type Certificate,
  type CertificateFiles,
  certificateFiles,
  dateTrouble,
  isoDate,
  ownCertificate,
  readCertificate,
} from './certificate.js'
import type { Config } from './config.js'
import type { Logger } from './logging.js'

/** How long after a sign of change the files are read: whoever renews a certificate writes two files, one after the other. */
const SETTLE_MS = 500
/** How often they are read without a sign. A watch can be lost: a folder that is put in another's place, a network disk. */
const CHECK_MS = 60_000

/** The certificate that is served now. */
export interface CertificateSource {
  readonly current: Certificate
  /** Calls `listener` with each new one. */
  onRenewed(listener: (certificate: Certificate) => void): void
}

/** A source whose certificate is changed by whoever has it. */
export class HeldCertificate implements CertificateSource {
  private readonly listeners: ((certificate: Certificate) => void)[] = []

  constructor(private held: Certificate) {}

  get current(): Certificate {
    return this.held
  }

  onRenewed(listener: (certificate: Certificate) => void): void {
    this.listeners.push(listener)
  }

  renew(certificate: Certificate): void {
    this.held = certificate
    for (const listener of this.listeners) listener(certificate)
  }
}

/**
 * Follows the files of a certificate, however they are changed: written over, renamed over, or through symbolic links
 * that are made to point elsewhere. What cannot be served is told once, and the one before it stays.
 */
class LiveCertificate extends HeldCertificate {
  private readonly watchers: readonly FSWatcher[]
  private cancelLook: () => void
  private isSettling = false
  private lastTrouble: string | undefined

  constructor(
    certificate: Certificate,
    private readonly files: CertificateFiles,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    super(certificate)
    const folders = new Set([dirname(files.cert), dirname(files.key)])
    this.watchers = [...folders].flatMap((folder) => this.watch(folder))
    this.cancelLook = clock.after(CHECK_MS, this.look)
  }

  close(): void {
    this.cancelLook()
    for (const watcher of this.watchers) watcher.close()
  }

  /** The folder and not the file: a file that is renamed over another is one that nobody watches. */
  private watch(folder: string): readonly FSWatcher[] {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.noticed())
      // Looking from time to time has to do.
      watcher.on('error', () => watcher.close())
      return [watcher]
    } catch {
      return []
    }
  }

  private noticed(): void {
    if (this.isSettling) return
    this.isSettling = true
    this.cancelLook()
    this.cancelLook = this.clock.after(SETTLE_MS, this.look)
  }

  private readonly look = async (): Promise<void> => {
    this.isSettling = false
    // Before the files are read: a change that comes meanwhile asks for another look.
    this.cancelLook = this.clock.after(CHECK_MS, this.look)
    try {
      const certificate = await readCertificate(this.files)
      this.lastTrouble = undefined
      if (certificate.cert === this.current.cert && certificate.key === this.current.key) return
      this.renew(certificate)
      this.logger.info({ not_after: isoDate(ownCertificate(certificate).validTo) }, 'a new certificate is served')
      warnOfDates(certificate, this.clock, this.logger)
    } catch (error) {
      const trouble = error instanceof Error ? error.message : 'unknown'
      if (trouble === this.lastTrouble) return
      this.lastTrouble = trouble
      this.logger.warn(`the certificate on the disk cannot be served, and the one before it stays: ${trouble}`)
    }
  }
}

/**
 * The certificate that the settings name, followed from now on.
 * @returns Undefined when they name none: plain HTTP.
 * @throws ConfigError when it cannot be served.
 */
export async function openCertificate(
  config: Pick<Config, 'tlsCert' | 'tlsKey'>,
  clock: Clock,
  logger: Logger,
): Promise<(CertificateSource & { close(): void }) | undefined> {
  const files = certificateFiles(config)
  if (files === undefined) return undefined
  const certificate = await readCertificate(files)
  warnOfDates(certificate, clock, logger)
  return new LiveCertificate(certificate, files, clock, logger)
}

/** Clients will refuse it, and whoever starts a server with it may still want it to start. */
function warnOfDates(certificate: Certificate, clock: Clock, logger: Logger): void {
  const trouble = dateTrouble(ownCertificate(certificate), clock.now())
  if (trouble !== undefined) logger.warn(`clients will refuse the certificate: ${trouble}`)
}
