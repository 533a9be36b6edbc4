import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Two files that belong together: a certificate that signs for itself, and its key. */
export interface CertificateOfTest {
  readonly cert: string
  readonly key: string
}

export interface CertificateOptions {
  /** What the files are called, without their endings. Default `localhost`. */
  readonly file?: string
  /** As OpenSSL takes them. Default: this machine, by name and by address. */
  readonly names?: string
  /** From now on; less than none for one that has expired. Default 2. */
  readonly days?: number
}

export function makeCertificate(dir: string, options: CertificateOptions = {}): CertificateOfTest {
  const { file = 'localhost', names = 'DNS:localhost,IP:127.0.0.1', days = 2 } = options
  const [cert, key] = [join(dir, `${file}.crt`), join(dir, `${file}.key`)]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const subject = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${names}`]
  openssl('req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert)
  // A request cannot be for a time that is over; what is signed again can.
  openssl('x509', '-in', cert, '-signkey', key, '-days', String(days), '-out', cert)
  return { cert, key }
}

export function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' })
}

/** A folder that is there for as long as the test. */
export function folderOfTest(onEnd: (end: () => void) => void): string {
  const dir = mkdtempSync(join(tmpdir(), 'switchboard-tls-'))
  onEnd(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
