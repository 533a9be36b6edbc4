import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { folderOfTest, makeCertificate } from '../../../server/testing/certificates.js'
import { certificateFileFindings, servedCertificate } from './certificate.js'

const DAY_MS = 24 * 60 * 60 * 1000

/** What is found of files, at a time that is so many days from now. */
async function findings(options: Parameters<typeof makeCertificate>[1], inDays = 0, publicUrl?: string) {
  const { cert, key } = makeCertificate(folderOfTest(onTestFinished), options)
  const flags = { tlsCert: cert, tlsKey: key, ...(publicUrl !== undefined && { publicUrl }) }
  return certificateFileFindings(flags, {}, Date.now() + inDays * DAY_MS)
}

test('a certificate is fine, about to end, or over', async () => {
  const days = 90
  expect(await findings({ days })).toMatchObject(
    [{ verdict: 'ok', detail: /^valid until \d{4}-\d\d-\d\d$/ }].map(loose),
  )
  expect(await findings({ days }, 75)).toMatchObject([{ verdict: 'ok' }])
  expect(await findings({ days }, 77)).toMatchObject([{ verdict: 'warn', detail: /: 12 days left$/ }].map(loose))
  expect(await findings({ days }, 91)).toMatchObject([{ verdict: 'fail', detail: /^it expired on / }].map(loose))
  expect(await findings({ days }, -1)).toMatchObject(
    [{ verdict: 'fail', detail: /^it is not valid before / }].map(loose),
  )
})

test('a certificate for another name than the public one is told of', async () => {
  const names = 'DNS:a.example,DNS:*.b.example'
  const of = (publicUrl: string) => findings({ names, days: 90 }, 0, publicUrl)
  expect(await of('https://a.example')).toHaveLength(1)
  expect(await of('https://x.b.example:8443/base')).toHaveLength(1)
  expect(await of('http://c.example')).toHaveLength(1)
  const [, name] = await of('https://c.example')
  expect(name).toMatchObject({
    verdict: 'warn',
    detail: 'it is for DNS:a.example, DNS:*.b.example, and not for c.example',
  })
})

test('files that no server could serve fail, with the words of a start; where none are set, nothing is said', async () => {
  const { cert } = makeCertificate(folderOfTest(onTestFinished))
  const [missing] = await certificateFileFindings({ tlsCert: cert }, {}, Date.now())
  expect(missing).toMatchObject({ verdict: 'fail', detail: expect.stringContaining('SWITCHBOARD_TLS_KEY is not') })
  const [swapped] = await certificateFileFindings({ tlsCert: cert, tlsKey: cert }, {}, Date.now())
  expect(swapped).toMatchObject({ verdict: 'fail', detail: expect.stringContaining('swapped?') })
  expect(await certificateFileFindings({}, {}, Date.now())).toEqual([])
})

test('the certificate that a server shows is looked at, trusted or not', async () => {
  const { cert, key } = makeCertificate(folderOfTest(onTestFinished), { names: 'DNS:localhost', days: 3 })
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  expect(await servedCertificate(`https://localhost:${port}`, Date.now())).toMatchObject([{ verdict: 'warn' }])
  const [, name] = await servedCertificate(`https://127.0.0.1:${port}`, Date.now())
  expect(name).toMatchObject({ verdict: 'warn', detail: 'it is for DNS:localhost, and not for 127.0.0.1' })
  expect(await servedCertificate(`http://127.0.0.1:${port}`, Date.now())).toEqual([])
  server.close()
  await once(server, 'close')
  expect(await servedCertificate(`https://127.0.0.1:${port}`, Date.now())).toEqual([])
})

/** Texts by their pattern. */
function loose<T extends { detail: RegExp }>(expected: T) {
  return { ...expected, detail: expect.stringMatching(expected.detail) }
}
