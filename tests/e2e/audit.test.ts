import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type AuditRecord, auditBreak } from '@switchboard/contract'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sha256 } from '../../packages/cli/src/audit/verify.js'
import { bin, type Json, TestServer, until } from '../kit.js'
import { childrenOf, whyNoProcesses } from '../worker-processes.js'
import { oneAtEach } from '../worker-streams.js'

const reason = whyNoProcesses()
if (reason) console.log(`the audit trail of worker processes is not tested: ${reason}`)

/** The whole trail, as a chain that holds. */
async function chain(server: TestServer): Promise<AuditRecord[]> {
  const records: AuditRecord[] = []
  for (let after = 0; ; ) {
    const page = await server.request('GET', `/v1/${server.workspace}/audit?limit=1000&after=${after}`)
    records.push(...(page.items as AuditRecord[]))
    if (page.has_more !== true) break
    after = records.at(-1)?.sequence ?? 0
  }
  let before: AuditRecord | undefined
  for (const record of records) {
    expect(auditBreak(record, before, sha256), `record ${record.sequence}`).toBeUndefined()
    before = record
  }
  expect(records[0]?.sequence).toBe(1)
  return records
}

const nameOf = ({ server, details }: AuditRecord) => `${details.process ?? server} ${details.stream}`

/** The streams that were opened and have not been noted to have ended. */
function stillOpen(records: readonly AuditRecord[]): Set<string> {
  const open = new Set<string>()
  for (const record of records) {
    if (record.action === 'stream.opened') open.add(nameOf(record))
    else if (record.action === 'stream.ended') open.delete(nameOf(record))
  }
  return open
}

const unknownEnds = (records: readonly AuditRecord[]) => records.filter(({ details }) => details.reason === 'unknown')

/** Opens so many streams without waiting for what is said on them. */
async function storm(server: TestServer, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const socket = connect(server.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => {})
    socket.write(
      `GET /v1/${server.workspace}/events/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.adminKey}\r\n\r\n`,
    )
  }
}

async function verify(server: TestServer, ...args: string[]): Promise<{ status: number; verdict: Json }> {
  const child = spawn(process.execPath, [bin, 'audit', 'verify', '--json', ...args], { env: server.clientEnv })
  let said = ''
  child.stdout.on('data', (bytes) => {
    said += bytes
  })
  const [status] = await once(child, 'close')
  return { status, verdict: JSON.parse(said) }
}

test('a server that is killed again and again has one whole trail, and says of each stream how it ended', async () => {
  const server = await TestServer.start()
  let head = ''
  for (let round = 0; round < 3; round++) {
    const before = (await chain(server)).length
    await storm(server, 60)
    // In the middle of it: some are noted by then, and some are not.
    await until('some of them', async () => (await chain(server)).length > before + 20 || undefined)
    await server.crash()
    const records = await chain(server)
    // What was noted before the crash is there after it.
    if (head !== '') expect(records.some(({ hash }) => hash === head)).toBe(true)
    head = records.at(-1)?.hash ?? ''
  }
  const records = await until('all to have ended', async () => {
    const found = await chain(server)
    return stillOpen(found).size === 0 ? found : undefined
  })
  expect(unknownEnds(records).length).toBeGreaterThan(0)
  console.log(`3 kills: ${records.length} records, ${unknownEnds(records).length} streams of unknown end`)
  expect(await verify(server, '--head', head)).toMatchObject({ status: 0, verdict: { kind: 'ok' } })
  const nobody = 'a'.repeat(64)
  expect(await verify(server, '--head', nobody)).toMatchObject({ status: 1, verdict: { kind: 'broken' } })
}, 60_000)

test('a server that stops in order leaves no end unknown', async () => {
  const server = await TestServer.start()
  await storm(server, 20)
  await server.streamsOpen('workspace', 20)
  await server.kill('SIGTERM')
  await server.run()
  const records = await chain(server)
  const ends = records.filter(({ action }) => action === 'stream.ended')
  expect(ends.map(({ details }) => details.reason)).toEqual(Array.from({ length: 20 }, () => 'server_draining'))
  expect([stillOpen(records).size, unknownEnds(records).length]).toEqual([0, 0])
}, 60_000)

describe.skipIf(reason)('two workers', () => {
  test('write one trail, and what a killed one had open is noted by its parent', async () => {
    const server = await TestServer.start({ env: { SWITCHBOARD_WORKERS: '2' } })
    const streams = await oneAtEach(server)
    await Promise.all(
      Array.from({ length: 40 }, () =>
        server.request('POST', `/v1/${server.workspace}/access-tokens`, { permissions: ['events:read'] }),
      ),
    )
    const both = await until('both to have noted their stream', async () => {
      const records = await chain(server)
      const opened = records.filter(({ action }) => action === 'stream.opened')
      return new Set(opened.map((record) => record.server)).size === 2 ? records : undefined
    })
    expect(both.filter(({ action }) => action === 'token.issued')).toHaveLength(40)
    const [victim = 0] = childrenOf(server.pid)
    process.kill(victim, 'SIGKILL')
    const records = await until('the end of its streams', async () => {
      // The first may go over a connection that the dead worker had.
      const found = await chain(server).catch(() => [])
      return unknownEnds(found).length > 0 ? found : undefined
    })
    // The other's is open as before.
    expect(stillOpen(records).size).toBe(1)
    for (const stream of streams.values()) if (stream.worker !== victim) expect(stream.over).toBe(false)
  }, 60_000)
})
