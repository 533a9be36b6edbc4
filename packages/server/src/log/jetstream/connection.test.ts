import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { freePorts } from '../../nats/free-ports.js'

const here = fileURLToPath(new URL('.', import.meta.url))

/** Connects in a process that has nothing else to do, and prints what comes of it. */
async function connectAlone(server: string): Promise<{ code: number | null; said: string }> {
  const program = `
    const { connectNats } = await import('./connection.ts')
    const { systemClock } = await import('../../clock.ts')
    const address = { servers: [${JSON.stringify(server)}] }
    const options = { patienceMs: 600, waiting: (line) => console.log('waiting:', line) }
    await connectNats(address, systemClock, options).catch((error) => console.log(error.code, error.detail))`
  const args = ['-C', '@switchboard/source', '--import', 'tsx', '--input-type=module', '-e', program]
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { cwd: here }, (_, said, trouble) =>
      resolve({ code: child.exitCode, said: said + trouble }),
    )
  })
}

test('a process that has nothing else to do waits for servers that do not answer yet, and shows no password', async () => {
  const [port] = await freePorts(1)
  const { code, said } = await connectAlone(`nats://user:secret-word@127.0.0.1:${port}`)
  expect(code).toBe(0)
  expect(said).toContain(`waiting: no NATS server answers at 127.0.0.1:${port}`)
  expect(said).toContain('unavailable no NATS server answers')
  expect(said).not.toContain('secret-word')
})
