import { cpSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type CertificateOfTest, folderOfTest, makeCertificate } from '../../testing/certificates.js'
import { type Clock, systemClock } from '../clock.js'
import { TestClock } from '../fanout/clock.test-kit.js'
import { openCertificate } from './live-certificate.js'
import { createLogger } from './logging.js'

const CHECK_MS = 60_000

/** A certificate that is followed, and what was said of it. */
async function follow({ cert, key }: CertificateOfTest, clock: Clock) {
  const lines: string[] = []
  const logger = createLogger({ level: 'info', sink: { write: (line) => lines.push(line) } })
  const live = await openCertificate({ tlsCert: cert, tlsKey: key }, clock, logger)
  if (live === undefined) throw new Error('no certificate')
  onTestFinished(() => live.close())
  return { live, lines }
}

const text = (path: string): string => readFileSync(path, 'utf8')

/** Waits until a text is served. */
const serves = (live: { readonly current: { readonly cert: string } }, cert: string) =>
  vi.waitFor(() => expect(live.current.cert).toBe(cert), { timeout: 10_000 })

test('files that are renamed over the old ones are served soon', async () => {
  const dir = folderOfTest(onTestFinished)
  const files = makeCertificate(dir)
  const { live, lines } = await follow(files, systemClock)
  const next = makeCertificate(dir, { file: 'next' })
  const cert = text(next.cert)
  renameSync(next.cert, files.cert)
  renameSync(next.key, files.key)
  await serves(live, cert)
  expect(live.current.key).toBe(text(files.key))
  expect(lines.filter((line) => line.includes('a new certificate is served'))).toHaveLength(1)
})

test('a folder behind a symbolic link that is made to point elsewhere is served soon, as Kubernetes swaps secrets', async () => {
  const dir = folderOfTest(onTestFinished)
  for (const name of ['one', 'two']) {
    mkdirSync(join(dir, name))
    makeCertificate(join(dir, name), { file: 'tls' })
  }
  symlinkSync('one', join(dir, '..data'))
  for (const file of ['tls.crt', 'tls.key']) symlinkSync(join('..data', file), join(dir, file))
  const { live } = await follow({ cert: join(dir, 'tls.crt'), key: join(dir, 'tls.key') }, systemClock)
  expect(live.current.cert).toBe(text(join(dir, 'one/tls.crt')))
  symlinkSync('two', join(dir, '..data_tmp'))
  renameSync(join(dir, '..data_tmp'), join(dir, '..data'))
  await serves(live, text(join(dir, 'two/tls.crt')))
})

test('a change that no watch has seen is found by the next look', async () => {
  const dir = folderOfTest(onTestFinished)
  mkdirSync(join(dir, 'here'))
  const files = makeCertificate(join(dir, 'here'))
  const clock = new TestClock(Date.now())
  const { live } = await follow(files, clock)
  // The watch goes with the folder that it was set on.
  renameSync(join(dir, 'here'), join(dir, 'gone'))
  mkdirSync(join(dir, 'here'))
  makeCertificate(join(dir, 'here'))
  clock.advance(CHECK_MS)
  await serves(live, text(files.cert))
})

test('what cannot be served is told once, with its reason, and the one before it stays until another can be', async () => {
  const dir = folderOfTest(onTestFinished)
  const files = makeCertificate(dir)
  const clock = new TestClock(Date.now())
  const { live, lines } = await follow(files, clock)
  const before = live.current
  const next = makeCertificate(dir, { file: 'next' })
  // The first half of a renewal, and then nothing.
  cpSync(next.cert, files.cert)
  const told = () => lines.filter((line) => line.includes('the one before it stays'))
  for (let looks = 0; looks < 3; looks++) {
    clock.advance(CHECK_MS)
    await vi.waitFor(() => expect(told()).toHaveLength(1))
    await vi.waitFor(() => expect(clock.timers).toBe(1))
  }
  expect(told().join()).toContain('the key does not belong to the certificate')
  expect(live.current).toBe(before)
  writeFileSync(files.cert, '')
  clock.advance(CHECK_MS)
  await vi.waitFor(() => expect(told()).toHaveLength(2))
  for (const name of ['cert', 'key'] as const) cpSync(next[name], files[name])
  clock.advance(CHECK_MS)
  await serves(live, text(next.cert))
})

test('a certificate that has expired is served with a warning', async () => {
  const { lines } = await follow(makeCertificate(folderOfTest(onTestFinished), { days: -1 }), systemClock)
  expect(lines.join()).toMatch(/"level":"warn".*clients will refuse the certificate: it expired on \d{4}-\d\d-\d\d/)
})
