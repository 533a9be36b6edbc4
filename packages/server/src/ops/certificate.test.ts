import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type CertificateOfTest, folderOfTest, makeCertificate, openssl } from '../../testing/certificates.js'
import { certificateFiles, dateTrouble, isFor, ownCertificate, readCertificate } from './certificate.js'
import { ConfigError, readConfig } from './config.js'

async function refusal(files: CertificateOfTest): Promise<string> {
  const error = await readCertificate(files).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ConfigError)
  const { message } = error as ConfigError
  expect(message).toMatch(/^SWITCHBOARD_TLS_(CERT|KEY) is ".*; accepted: a file of .* in PEM, .*[a-z]$/)
  expect(message).not.toContain('\n')
  return message
}

describe('a certificate and its key', () => {
  test('are read when they belong together', async () => {
    const files = makeCertificate(folderOfTest(onTestFinished))
    const { cert, key } = await readCertificate(files)
    expect([cert, key]).toEqual([readFileSync(files.cert, 'utf8'), readFileSync(files.key, 'utf8')])
  })

  test.each<[string, (files: CertificateOfTest, dir: string) => unknown, RegExp]>([
    ['a file that is not there', (files, dir) => ({ ...files, cert: join(dir, 'no.crt') }), /CERT .*no such file/],
    ['a folder', (files, dir) => ({ ...files, key: dir }), /KEY .*it is a folder/],
    ['the two swapped', ({ cert, key }) => ({ cert: key, key: cert }), /CERT .*holds a private key .*swapped\?/],
    ['the certificate twice', ({ cert }) => ({ cert, key: cert }), /KEY .*holds a certificate .*swapped\?/],
    ['a certificate in DER', ({ cert }) => openssl('x509', '-in', cert, '-outform', 'DER', '-out', cert), /no cert/],
    [
      'a key in DER',
      ({ key }, dir) => openssl('pkey', '-in', join(dir, 'kept'), '-outform', 'DER', '-out', key),
      /KEY .*holds no key/,
    ],
    [
      'an encrypted key',
      ({ key }, dir) => openssl('pkey', '-in', join(dir, 'kept'), '-aes256', '-passout', 'pass:secret', '-out', key),
      /KEY .*is encrypted/,
    ],
    [
      'an encrypted key of the old form',
      ({ key }, dir) => openssl('ec', '-in', join(dir, 'kept'), '-aes256', '-passout', 'pass:secret', '-out', key),
      /KEY .*is encrypted/,
    ],
    [
      'a certificate that was cut off',
      ({ cert }) => writeFileSync(cert, readFileSync(cert, 'utf8').replace(/(\n.{64}){3}/, '')),
      /CERT .*cannot be read: /,
    ],
    [
      'a key that was cut off',
      ({ key }) => writeFileSync(key, readFileSync(key, 'utf8').replace(/\n.{64}/, '')),
      /KEY .*cannot be read: /,
    ],
    [
      'the key of another',
      ({ cert }, dir) => ({ cert, key: makeCertificate(dir, { file: 'other' }).key }),
      /KEY .*other\.key", and the key does not belong to the certificate in ".*localhost\.crt"/,
    ],
    [
      'a chain that does not begin with the own one',
      ({ cert }, dir) => {
        const other = makeCertificate(dir, { file: 'other' })
        writeFileSync(cert, readFileSync(other.cert, 'utf8') + readFileSync(cert, 'utf8'))
      },
      /CERT .*the certificate of the key is not the first/,
    ],
  ])('are refused, and nothing of the key is said, for %s', async (_, change, expected) => {
    const dir = folderOfTest(onTestFinished)
    const files = makeCertificate(dir)
    cpSync(files.key, join(dir, 'kept'))
    // Other files, or other things in the same ones.
    const changed = change(files, dir) as CertificateOfTest | undefined
    const message = await refusal(changed ?? files)
    expect(message).toMatch(expected)
    for (const line of readFileSync(join(dir, 'kept'), 'utf8').split('\n').slice(1, -2)) {
      expect(message).not.toContain(line)
    }
  })

  test('are set both or not at all', () => {
    const env = { SWITCHBOARD_TLS_CERT: 'a.crt', SWITCHBOARD_TLS_KEY: 'a.key' }
    expect(certificateFiles(readConfig(env))).toEqual({ cert: 'a.crt', key: 'a.key' })
    expect(certificateFiles(readConfig({}))).toBeUndefined()
    expect(() => certificateFiles(readConfig({ SWITCHBOARD_TLS_CERT: 'a.crt' }))).toThrow(
      'SWITCHBOARD_TLS_CERT is set and SWITCHBOARD_TLS_KEY is not; accepted: both, or neither for plain HTTP',
    )
    expect(() => certificateFiles(readConfig({ SWITCHBOARD_TLS_KEY: 'a.key' }))).toThrow(/^SWITCHBOARD_TLS_KEY is set/)
  })
})

test('a certificate has dates and names', async () => {
  const names = 'DNS:a.example,DNS:*.b.example,IP:10.0.0.1,IP:::1'
  const certificate = ownCertificate(await readCertificate(makeCertificate(folderOfTest(onTestFinished), { names })))
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
  expect(dateTrouble(certificate, from - 1)).toMatch(/^it is not valid before \d{4}-\d\d-\d\d$/)
  expect(dateTrouble(certificate, from)).toBeUndefined()
  expect(dateTrouble(certificate, to)).toBeUndefined()
  expect(dateTrouble(certificate, to + 1)).toMatch(/^it expired on \d{4}-\d\d-\d\d$/)
  const hosts = ['a.example', 'x.b.example', '10.0.0.1', '[::1]', 'b.example', 'x.a.example', '10.0.0.2', 'localhost']
  expect(hosts.filter((host) => isFor(certificate, host))).toEqual(hosts.slice(0, 4))
})
