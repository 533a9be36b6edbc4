import { type ChildProcess, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'

/**
 * Kills what is left on its list when its input ends, which happens when the process that feeds it is no more, whatever
 * ended that. It is a group of its own, so that Ctrl-C at a terminal does not end it first.
 */
const SCRIPT = `
pids=
while read -r sign pid; do
  case $sign in
    +) pids="$pids $pid" ;;
    -) rest=; for each in $pids; do [ "$each" = "$pid" ] || rest="$rest $each"; done; pids=$rest ;;
  esac
done
[ -z "$pids" ] || kill -KILL $pids`

let list: Writable | undefined

/**
 * Has a child killed when this process ends without having ended it, also by `kill -9`. What a child acknowledged must
 * survive a kill anyway. The guard is one small shell, started with the first child.
 */
export function guard(child: ChildProcess): void {
  const { pid } = child
  if (pid === undefined) return
  list ??= startGuard()
  list.write(`+ ${pid}\n`)
  // Its number may be another's soon.
  child.once('exit', () => list?.write(`- ${pid}\n`))
}

function startGuard(): Writable {
  const shell = spawn('sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  // Without a guard everything works, and a kill -9 leaves children behind.
  shell.on('error', () => {})
  shell.stdin.on('error', () => {})
  // It must not keep this process from ending.
  shell.unref()
  const { stdin } = shell
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  return stdin
}
