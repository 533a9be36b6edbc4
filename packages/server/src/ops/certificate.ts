import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { quoted } from '../visible.js'
import { type Config, ConfigError } from './config.js'
import { settings } from './settings.js'

/** What a server proves itself with: texts in PEM that belong together. The key goes into no message and no log. */
export interface Certificate {
  /** The server's own certificate, and behind it those that lead to its authority. */
  readonly cert: string
  readonly key: string
}

/** Where the two files are. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

const CERT = settings.tlsCert
const KEY = settings.tlsKey

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g
const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m

/** @returns Undefined when the server is to speak plain HTTP. @throws ConfigError when only one of the two is set. */
export function certificateFiles({
  tlsCert,
  tlsKey,
}: Pick<Config, 'tlsCert' | 'tlsKey'>): CertificateFiles | undefined {
  if (tlsCert !== undefined && tlsKey !== undefined) return { cert: tlsCert, key: tlsKey }
  if (tlsCert === undefined && tlsKey === undefined) return undefined
  const [set, missing] = tlsCert === undefined ? [KEY, CERT] : [CERT, KEY]
  throw new ConfigError(
    `${set.variable} is set and ${missing.variable} is not; accepted: both, or neither for plain HTTP`,
  )
}

/**
 * Reads the two files and makes sure that a server can serve with them.
 * @throws ConfigError that says which file is wrong and what is accepted. It repeats nothing of what is in the key's.
 */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all([readPem(CERT, files.cert), readPem(KEY, files.key)])
  const chain = readChain(cert, files.cert)
  const privateKey = readKey(key, files.key)
  const [own, ...others] = chain
  if (own === undefined || !own.checkPrivateKey(privateKey)) {
    const misplaced = others.some((other) => other.checkPrivateKey(privateKey))
    throw misplaced
      ? refusal(CERT, files.cert, 'and the certificate of the key is not the first in it')
      : refusal(KEY, files.key, `and the key does not belong to the certificate in ${quoted(files.cert)}`)
  }
  try {
    createSecureContext({ cert, key })
  } catch (error) {
    throw refusal(CERT, files.cert, `and TLS cannot be spoken with it: ${reasonOf(error)}`)
  }
  return { cert, key }
}

/** The server's own certificate. */
export function ownCertificate({ cert }: Pick<Certificate, 'cert'>): X509Certificate {
  return new X509Certificate(cert)
}

/** Why clients will refuse a certificate at this time, in unix ms; undefined when its dates are good. */
export function dateTrouble({ validFrom, validTo }: X509Certificate, now: number): string | undefined {
  if (now > Date.parse(validTo)) return `it expired on ${isoDate(validTo)}`
  return now < Date.parse(validFrom) ? `it is not valid before ${isoDate(validFrom)}` : undefined
}

/** A date as OpenSSL writes it, as the day in ISO 8601. */
export function isoDate(text: string): string {
  return new Date(text).toISOString().slice(0, 10)
}

/** True when a certificate speaks for a host as a URL has it: a name, an IPv4 address, or an IPv6 one in brackets. */
export function isFor(certificate: X509Certificate, host: string): boolean {
  const plain = host.replace(/^\[(.*)\]$/, '$1')
  return (isIP(plain) === 0 ? certificate.checkHost(plain) : certificate.checkIP(plain)) !== undefined
}

type FileSetting = typeof CERT | typeof KEY

async function readPem(setting: FileSetting, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw refusal(setting, path, `which cannot be read: ${reasonOf(error)}`, error)
  }
}

function readChain(text: string, path: string): readonly X509Certificate[] {
  const blocks = text.match(CERTIFICATE)
  if (blocks === null) {
    const found = PRIVATE_KEY.test(text) ? 'a private key and no certificate: are the two swapped?' : 'no certificate'
    throw refusal(CERT, path, `which holds ${found}`)
  }
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch (error) {
    throw refusal(CERT, path, `which holds a certificate that cannot be read: ${reasonOf(error)}`)
  }
}

function readKey(text: string, path: string): KeyObject {
  if (ENCRYPTED.test(text)) {
    throw refusal(KEY, path, 'which is encrypted, and nobody is there at a start to type a pass phrase')
  }
  if (!PRIVATE_KEY.test(text)) {
    const found = /-----BEGIN CERTIFICATE-----/.test(text)
      ? 'a certificate and no private key: are the two swapped?'
      : 'no key'
    throw refusal(KEY, path, `which holds ${found}`)
  }
  try {
    return createPrivateKey(text)
  } catch (error) {
    throw refusal(KEY, path, `which holds a key that cannot be read: ${reasonOf(error)}`)
  }
}

function refusal(setting: FileSetting, path: string, what: string, cause?: unknown): ConfigError {
  return new ConfigError(
    `${setting.variable} is ${quoted(path)}, ${what}; accepted: ${setting.accepted}`,
    cause === undefined ? undefined : { cause },
  )
}

const READ_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'there is no such file',
}

/** What the system or OpenSSL says is wrong, in its own few words: its messages may go on with what they were given. */
function reasonOf(error: unknown): string {
  const { code, reason } = error as { code?: unknown; reason?: unknown }
  if (typeof reason === 'string') return reason
  return typeof code === 'string' ? (READ_FAILURES[code] ?? code) : 'unknown'
}
