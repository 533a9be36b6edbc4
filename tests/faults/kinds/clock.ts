import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../../kit.js'
import type { Fault } from '../fault.js'
import { Scene } from '../scene.js'

const JUMPS = ['-3600', '+172800', '+0'] as const

/** Where libfaketime is, as Debian and its kin have it. */
function library(): string | undefined {
  const { stdout } = spawnSync('dpkg', ['-L', 'libfaketime'], { encoding: 'utf8' })
  return (stdout ?? '').split('\n').find((line) => line.endsWith('/libfaketimeMT.so.1') && existsSync(line))
}

/** The wall clock jumps. Ids keep their order, and nobody is sent away: what waits, waits by another clock. */
export const clock: Fault = {
  name: 'clock',
  summary: 'the wall clock jumps by -1 h, by +2 d, and back',
  rounds: { bounded: 1, usual: 3, full: 10 },
  why: () => (library() ? undefined : 'needs libfaketime (Debian package libfaketime)'),
  async run(context) {
    const folder = mkdtempSync(join(tmpdir(), 'switchboard-clock-'))
    context.onEnd(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'offset')
    writeFileSync(file, '+0\n')
    const scene = await Scene.start(context, {
      env: {
        LD_PRELOAD: library() ?? '',
        FAKETIME_TIMESTAMP_FILE: file,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
      everyMs: 5,
    })
    const reconnects = scene.reconnects
    for (let round = 1; round <= context.rounds; round++) {
      for (const jump of JUMPS) {
        writeFileSync(file, `${jump}\n`)
        const expected = Date.now() + 1000 * Number(jump)
        // Every answer says the server's time.
        await until('the server to have jumped', async () => {
          const { headers } = await fetch(`${scene.server.url}/healthz`)
          return Math.abs(Date.parse(headers.get('date') ?? '') - expected) < 60_000 || undefined
        })
        await scene.acknowledges(200)
      }
    }
    if (scene.reconnects > reconnects) {
      scene.violate('clock', `subscribers lost ${scene.reconnects - reconnects} connections`)
    }
    const verdict = await scene.verdict()
    return { ...verdict, figures: { jumps: context.rounds * JUMPS.length, reconnects: scene.reconnects - reconnects } }
  },
}
