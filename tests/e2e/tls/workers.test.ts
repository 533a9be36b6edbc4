import { cpSync, renameSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { folderOfTest, makeCertificate } from '../../../packages/server/testing/certificates.js'
import { until } from '../../kit.js'
import { childrenOf, whyNoProcesses } from '../../worker-processes.js'
import { inFile, Session, serve, shown, sync } from './site.js'

const whyNoWorkers = whyNoProcesses()
if (whyNoWorkers) console.log(`workers over TLS are not tested: ${whyNoWorkers}`)

test.skipIf(whyNoWorkers)(
  'workers serve HTTPS, take a renewal together, and one that comes later has it too',
  async () => {
    const site = await serve({ SWITCHBOARD_WORKERS: '2', SWITCHBOARD_LOG_LEVEL: 'info' })
    const { server, files } = site
    const streams = Array.from({ length: 8 }, () => new Session(site).stream())
    await server.streamsOpen('workspace', 8)
    await server.publish([sync(1)])
    for (const stream of streams) await stream.has('pipeline.sync_completed')

    const next = makeCertificate(folderOfTest(onTestFinished))
    const expected = inFile(next.cert)
    for (const name of ['cert', 'key'] as const) renameSync(next[name], files[name])
    const all = async (): Promise<boolean> => {
      for (let count = 0; count < 10; count++) if ((await shown(server.port)) !== expected) return false
      return true
    }
    await until('all workers to have the new one', async () => (await all()) || undefined)
    // From here on the files are of no use to anybody who starts.
    cpSync(makeCertificate(folderOfTest(onTestFinished)).key, files.key)
    const [victim = 0] = childrenOf(server.pid)
    process.kill(victim, 'SIGKILL')
    await until('another worker', () => server.output.includes('a worker has taken its place') || undefined)
    expect(childrenOf(server.pid)).not.toContain(victim)
    expect(await all()).toBe(true)
  },
)
