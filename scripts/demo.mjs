// `npm run demo`: a server in a folder of its own, a made-up workspace on it, and what happens there, live, in this
// terminal. Ctrl-C ends all three and leaves nothing behind.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { build } from './build.mjs'
import { root } from './install.mjs'

build()

const folder = mkdtempSync(join(tmpdir(), 'switchboard-demo-'))
const probe = createServer().listen(0, '127.0.0.1')
await once(probe, 'listening')
const { port } = probe.address()
probe.close()

const url = `http://127.0.0.1:${port}`
const env = { ...process.env, PORT: String(port), SWITCHBOARD_URL: url, XDG_CONFIG_HOME: folder }
for (const name of ['SWITCHBOARD_API_KEY', 'SWITCHBOARD_WORKSPACE', 'SWITCHBOARD_ADMIN_KEY']) delete env[name]
env.SWITCHBOARD_DATA_DIR = join(folder, 'data')

const children = []
function start(args, stdio) {
  const child = spawn(process.execPath, [`${root}packages/cli/bin/switchboard.js`, ...args], { env, stdio })
  children.push(child)
  return child
}

function end(status) {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
  process.exit(status)
}
process.on('SIGINT', () => end(0))
process.on('SIGTERM', () => end(0))

// What the server has to say is kept back: it matters only when it does not start.
const server = start(['serve'], ['ignore', 'pipe', 'pipe'])
let said = ''
for (const output of [server.stdout, server.stderr]) {
  output.on('data', (bytes) => {
    said = (said + bytes).slice(-4000)
  })
}
server.on('exit', (status) => {
  console.error(said)
  end(status ?? 1)
})
for (;;) {
  const answer = await fetch(`${url}/readyz`).catch(() => undefined)
  if (answer?.status === 200) break
  await new Promise((resolve) => setTimeout(resolve, 50))
}
const permissions = 'events:read,calls:observe,pii:read'
const made = start(['token', 'create', '--link', '--ttl', '1h', '-p', permissions], ['ignore', 'pipe', 'inherit'])
const [link] = await Promise.all([text(made.stdout), once(made, 'exit')])
console.error(
  `\nA made-up clinic, live. To look at it in a browser, for an hour:\n\n${link.trim()}\n\nCtrl-C ends it.\n`,
)
const seconds = process.env.SWITCHBOARD_DEMO_SECONDS
if (seconds) setTimeout(() => end(0), Number(seconds) * 1000)
start(['simulate', '--calls-per-minute', '30', '--speed', '4', '--seed', '7'], 'ignore')
start(['tail'], ['ignore', 'inherit', 'inherit']).on('exit', (status) => end(status ?? 0))
