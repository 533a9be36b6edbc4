import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { pollUntil } from './poll.js'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const PARENT = `
import { Child } from './child.ts'
const child = (seconds) => new Child(['sleep', seconds], { stdio: 'ignore', onDeath: () => {} })
const over = child('600')
await over.kill()
console.log(child('601').pid, child('602').pid)
await new Promise(() => setInterval(() => {}, 1000))`

test.skipIf(process.platform === 'win32')(
  'children do not outlive a parent that is killed without a chance to end them',
  async () => {
    const args = ['-C', '@switchboard/source', '--import', 'tsx', '--input-type=module', '-e', PARENT]
    const parent = spawn(process.execPath, args, { cwd: HERE, stdio: ['ignore', 'pipe', 'inherit'] })
    const { value } = await createInterface(parent.stdout)[Symbol.asyncIterator]().next()
    const pids = String(value).split(' ').map(Number)
    expect(pids.map(isThere)).toEqual([true, true])
    parent.kill('SIGKILL')
    await once(parent, 'exit')
    await pollUntil('both children to be gone', 10_000, async () =>
      pids.some(isThere) ? { missing: 'one is there' } : { answer: undefined },
    )
  },
)

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
