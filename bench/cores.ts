import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

const count = availableParallelism()
const canPin = count > 1 && works()

/** Where the server that is measured runs, and where its clients do: so neither takes from the other. */
export const cores = {
  server: canPin ? '0' : undefined,
  clients: canPin ? (count === 2 ? '1' : `1-${count - 1}`) : undefined,
}

/** The command that runs another one on some cores; where that cannot be, the other one as it is. */
export function pinned(core: string | undefined, command: readonly string[]): readonly string[] {
  return core === undefined ? command : ['taskset', '-c', core, ...command]
}

/** For people. */
export function coresText(): string {
  const { server, clients } = cores
  if (server !== undefined) return `servers on core ${server}, clients on core ${clients}`
  return count > 1 ? 'servers and clients on any core, for there is no taskset' : 'servers and clients on one core'
}

function works(): boolean {
  try {
    execFileSync('taskset', ['-c', '0', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
