import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { SwitchboardError } from '@switchboard/contract'

const run = promisify(execFile)

/** A nats-server that is installed on this machine. */
export interface NatsProgram {
  readonly path: string
  readonly version: string
}

/** Debian puts it where only root's PATH looks, Homebrew on Apple silicon where a service's PATH does not. */
const NAMES = ['nats-server', '/usr/sbin/nats-server', '/usr/local/sbin/nats-server', '/opt/homebrew/bin/nats-server']

/** @throws SwitchboardError `unavailable`, with what to install, when there is none. */
export async function findNatsServer(names: readonly string[] = NAMES): Promise<NatsProgram> {
  for (const path of names) {
    const version = await versionOf(path)
    if (version !== undefined) return { path, version }
  }
  throw new SwitchboardError('unavailable', `There is no nats-server on this machine. ${advice()}`)
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(path, ['--version'])
    return /v(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}

function advice(): string {
  if (process.platform === 'linux')
    return 'Install it: apt-get install nats-server on Debian and Ubuntu, or a release of github.com/nats-io/nats-server elsewhere.'
  if (process.platform === 'darwin') return 'Install it: brew install nats-server.'
  return 'Install a release of github.com/nats-io/nats-server, and put it on the PATH.'
}
