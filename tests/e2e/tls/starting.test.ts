import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type CertificateOfTest,
  folderOfTest,
  makeCertificate,
  openssl,
} from '../../../packages/server/testing/certificates.js'
import { bin } from '../../kit.js'

describe('a start with a certificate that cannot be', () => {
  test.each<[string, (files: CertificateOfTest) => Readonly<Record<string, string>>, RegExp]>([
    [
      'only one of the two',
      ({ cert }) => ({ SWITCHBOARD_TLS_CERT: cert }),
      /_CERT is set and SWITCHBOARD_TLS_KEY is not; accepted: both/,
    ],
    [
      'a file that is not there',
      ({ key }) => ({ SWITCHBOARD_TLS_CERT: '/nowhere/a.crt', SWITCHBOARD_TLS_KEY: key }),
      /_CERT is "\/nowhere\/a\.crt", which cannot be read: there is no such file; accepted: a file of certificates in PEM/,
    ],
    [
      'workers and an encrypted key',
      ({ cert, key }) => {
        openssl('pkey', '-in', key, '-aes256', '-passout', 'pass:secret', '-out', `${key}.enc`)
        return { SWITCHBOARD_TLS_CERT: cert, SWITCHBOARD_TLS_KEY: `${key}.enc`, SWITCHBOARD_WORKERS: '2' }
      },
      /_KEY is ".*", which is encrypted, .*; accepted: a file of one private key in PEM, without a pass phrase/,
    ],
  ])('stops in one line: %s', async (_, envOf, expected) => {
    const dir = folderOfTest(onTestFinished)
    const env = {
      ...process.env,
      HOME: dir,
      PORT: '0',
      SWITCHBOARD_DATA_DIR: `${dir}/data`,
      ...envOf(makeCertificate(dir)),
    }
    const failed = await promisify(execFile)(process.execPath, [bin, 'serve'], { env }).catch((error) => error)
    expect(failed.code).toBe(2)
    expect(failed.stderr).toMatch(expected)
    expect(failed.stderr.trim().split('\n')).toHaveLength(1)
  })
})
