import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Finding, Known } from './known.js'

const look = fileURLToPath(new URL('look.ts', import.meta.url))
const LOOK_MS_MAX = 30_000

/** Has folders looked at elsewhere: LMDB ends its process when it meets what it does not expect. */
export class Looker {
  private child: ChildProcess | undefined

  /** @param path Where to keep what is known. */
  constructor(
    known: Known,
    private readonly path: string,
  ) {
    writeFileSync(path, JSON.stringify(known))
  }

  /** A process that ends or hangs has found nothing, and said nothing. */
  async look(dir: string): Promise<Finding> {
    this.child ??= fork(look, [this.path], {
      execArgv: ['-C', '@switchboard/source', '--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const { child } = this
    let said = ''
    const hear = (bytes: Buffer) => {
      said += bytes.toString()
    }
    child.stderr?.on('data', hear)
    const over = new AbortController()
    const { signal } = over
    const hang = setTimeout(() => child.kill('SIGKILL'), LOOK_MS_MAX)
    try {
      child.send(dir)
      return await Promise.race([
        once(child, 'message', { signal }).then(([finding]) => finding as Finding),
        once(child, 'exit', { signal }).then(([code, name]): Finding => {
          this.child = undefined
          return { kind: 'silent', detail: `the process ended with ${name ?? code}: ${said.slice(-500)}` }
        }),
      ])
    } finally {
      clearTimeout(hang)
      child.stderr?.off('data', hear)
      over.abort()
    }
  }

  async end(): Promise<void> {
    const { child } = this
    if (child === undefined) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
}
