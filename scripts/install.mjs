// Installs what the lock file says, once, and says so. Used by `npm start` and `npm test` so that each works from a
// clean clone by itself.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Runs a command in the repository's root; ends this process with its status when it fails, after what it said on a
 * standard error that was piped.
 */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (result.error) {
    console.error(`${command} could not be started: ${result.error.message}`)
    process.exit(1)
  }
  if (result.status !== 0) {
    if (result.stderr) process.stderr.write(result.stderr)
    process.exit(result.status ?? 1)
  }
}

/** npm writes this file last, so its age tells whether the tree on disk is the lock file's. */
const stamp = `${root}node_modules/.package-lock.json`

export function ensureInstalled() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Switchboard needs Node.js 20.19 or newer; this is ${process.versions.node}.`)
    process.exit(1)
  }
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs) return
  console.error('Installing dependencies (npm ci), about half a minute …')
  // Its chatter goes to standard error: standard output belongs to the command that was asked for.
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { stdio: ['ignore', 2, 2] })
}
