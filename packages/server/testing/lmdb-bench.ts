import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LmdbOptions, openLmdbEngine } from '../src/log/lmdb.js'
import type { Bench } from './stand.js'

/** The embedded engine on a folder of its own. */
export async function openLmdbBench(options: Omit<LmdbOptions, 'dir'>, dir = newFolder()): Promise<Bench> {
  let engine = await openLmdbEngine({ ...options, dir })
  return {
    dir,
    get engine() {
      return engine
    },
    async reopen() {
      await engine.close()
      engine = await openLmdbEngine({ ...options, dir })
      return engine
    },
    async end() {
      await engine.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'switchboard-log-'))
}
