import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { isIP } from 'node:net'
import { connect } from 'node:tls'
import { type Finding, fail, ok, warn } from '@switchboard/contract/core'
import { configOf, type SettingFlags } from '../parse/setting-options.js'

/** Settings of a server that say what it proves itself with, and to whom it is to be known under which name. */
export const TLS_SETTINGS = ['tlsCert', 'tlsKey', 'publicUrl'] as const

const DAY_MS = 24 * 60 * 60 * 1000
/** Certificates of 90 days are renewed 30 days before their end: one with less than this has missed its time. */
const DAYS_LEFT_MIN = 14
/** How long a TLS handshake may take. */
const HANDSHAKE_MS_MAX = 10_000

/**
 * The certificate in the files that a server here is told to serve with, when it is told so: by options or by the
 * variables that the server has.
 */
export async function certificateFileFindings(
  flags: SettingFlags,
  env: Readonly<Record<string, string | undefined>>,
  now: number,
): Promise<readonly Finding[]> {
  if ((flags.tlsCert ?? flags.tlsKey) === undefined && !env.SWITCHBOARD_TLS_CERT && !env.SWITCHBOARD_TLS_KEY) return []
  const { certificateFiles, ConfigError, ownCertificate, readCertificate } = await import('@switchboard/server')
  const name = 'certificate files'
  try {
    const config = await configOf(TLS_SETTINGS, flags, env)
    const files = certificateFiles(config)
    if (files === undefined) return []
    const host = config.publicUrl?.startsWith('https:') ? new URL(config.publicUrl).hostname : undefined
    return judge(name, ownCertificate(await readCertificate(files)), host, now)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [fail(name, error.message, 'A server that runs goes on with what it has; one that starts does not.')]
  }
}

/** The certificate that a server shows; nothing when its address is a plain one, or when it cannot be reached. */
export async function servedCertificate(address: string, now: number): Promise<readonly Finding[]> {
  const { protocol, hostname, port } = new URL(address)
  if (protocol !== 'https:') return []
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const socket = connect({
    host,
    port: Number(port || 443),
    ...(isIP(host) === 0 && { servername: host }),
    // Whatever it is like, it is to be looked at. Nothing is sent.
    rejectUnauthorized: false,
  })
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(HANDSHAKE_MS_MAX) })
    const raw = socket.getPeerX509Certificate()?.raw
    return raw === undefined ? [] : await judge('certificate', new X509Certificate(raw), host, now)
  } catch {
    // That it cannot be reached has been found already.
    return []
  } finally {
    socket.destroy()
  }
}

async function judge(
  name: string,
  certificate: X509Certificate,
  host: string | undefined,
  now: number,
): Promise<readonly Finding[]> {
  const { dateTrouble, isFor, isoDate } = await import('@switchboard/server')
  const renew = 'Renew it: the server takes the new files without a restart.'
  const trouble = dateTrouble(certificate, now)
  const days = Math.floor((Date.parse(certificate.validTo) - now) / DAY_MS)
  const until = `valid until ${isoDate(certificate.validTo)}`
  const dates =
    trouble !== undefined
      ? fail(name, trouble, renew)
      : days < DAYS_LEFT_MIN
        ? warn(name, `${until}: ${days} ${days === 1 ? 'day' : 'days'} left`, renew)
        : ok(name, until)
  if (host === undefined || isFor(certificate, host)) return [dates]
  const names = certificate.subjectAltName ?? 'no name at all'
  return [
    dates,
    warn(`${name}: name`, `it is for ${names}, and not for ${host}`, 'Clients refuse it: get one for that name too.'),
  ]
}
