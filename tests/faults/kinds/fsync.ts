import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '../../kit.js'
import type { Fault } from '../fault.js'
import { Scene } from '../scene.js'

const source = fileURLToPath(new URL('../fsync.c', import.meta.url))
const ALLOWED = new Set(['503 storage_fault', '500 storage_fault'])

/** A flush fails: from then on nobody knows what the disk holds. Nothing is acknowledged until a start has read it back. */
export const fsync: Fault = {
  name: 'fsync',
  summary: 'fsync and fdatasync fail with EIO until the next start',
  rounds: { bounded: 1, usual: 3, full: 20 },
  why() {
    if (process.platform !== 'linux') return `needs LD_PRELOAD as Linux has it, this is ${process.platform}`
    return spawnSync('cc', ['--version']).status === 0 ? undefined : 'needs a C compiler (cc)'
  },
  async run(context) {
    const folder = mkdtempSync(join(tmpdir(), 'switchboard-fsync-'))
    context.onEnd(() => rmSync(folder, { recursive: true, force: true }))
    const library = join(folder, 'fsync.so')
    const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl'], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`cc refuses fsync.c: ${stderr}`)
    const mark = join(folder, 'fails')
    const scene = await Scene.start(context, { env: { LD_PRELOAD: library, FAULTS_FSYNC: mark }, batch: 2 })
    const { server } = scene
    for (let round = 1; round <= context.rounds; round++) {
      await scene.acknowledges(200)
      writeFileSync(mark, '')
      const refused = () => [...scene.refusals.values()].reduce((sum, count) => sum + count, 0)
      const before = refused()
      await until('publishers to be refused', () => refused() > before + 20 || undefined)
      const { status, text } = await scene.readiness()
      if (status !== 503 || !text.includes('storage failed')) scene.violate('fsync', `/readyz says ${status} ${text}`)
      const acked = scene.acked
      rmSync(mark)
      const more = refused()
      await until('publishers to be refused still', () => refused() > more + 20 || undefined)
      if (scene.acked !== acked) scene.violate('fsync', 'acknowledged after a flush had failed')
      if (server.exitCode !== null) scene.violate('fsync', `the server ended with ${server.exitCode}`)
      await server.kill('SIGKILL')
      await server.run()
      await scene.acknowledges(1)
    }
    for (const code of scene.refusals.keys()) if (!ALLOWED.has(code)) scene.violate('fsync', `refused with ${code}`)
    const verdict = await scene.verdict()
    return { ...verdict, figures: { failures: context.rounds, refusals: [...scene.refusals].join(' ') } }
  },
}
