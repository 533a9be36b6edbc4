import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '../../packages/server/src/nats/free-ports.js'
import type { Stage } from '../stage.js'
import { channelName, eventPlace, type Needs, type Product, requestText, type Server } from './server.js'
import { startProgram } from './start-program.js'

const INTERNAL = '/usr/lib/pushpin/internal.conf'
const ZURL = '/etc/zurl.conf'
/** Where those files say that the two meet. */
const MEETING = '/var/run/zurl'
/** Its own is 2,500 deliveries a second. */
const MESSAGES_MAX = 1_000_000
const CONNECTIONS_MAX = 12_000
const SETTLE_MS = 1_000

/** Pushpin: a proxy that holds connections, here three processes and one for requests to the origin. */
export const pushpin: Product = {
  name: 'Pushpin',
  protocols: ['sse'],
  resumes: false,
  advice: 'apt-get install pushpin',
  async version() {
    try {
      const { stdout } = await promisify(execFile)('pushpin', ['--version'])
      readFileSync(INTERNAL)
      readFileSync(ZURL)
      return stdout.trim().replace('pushpin ', '')
    } catch {
      return undefined
    }
  },
  start,
}

async function start(stage: Stage, { event, channels = 1 }: Needs): Promise<Server> {
  const folder = stage.newFolder('pushpin')
  for (const name of ['run', 'log', 'zurl']) mkdirSync(join(folder, name))
  const [port = 0, control = 0, ...others] = await freePorts(5)
  const meeting = join(folder, 'zurl')
  const moved = (text: string) => text.replaceAll(MEETING, meeting)
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const internal = file('internal.conf', moved(readFileSync(INTERNAL, 'utf8')))
  const routes = file('routes', `* 127.0.0.1:${await startOrigin(stage)}\n`)
  // It asks the origin on this machine, which it would not by itself.
  const zurlFile = file('zurl.conf', moved(readFileSync(ZURL, 'utf8')).replace(/^deny=.*$/m, 'deny='))
  const pushpinFile = file('pushpin.conf', configuration({ folder, internal, routes, port, control, others }))
  const zurl = await startProgram(stage, { command: ['zurl', `--config=${zurlFile}`], folder })
  const main = await startProgram(stage, { command: ['pushpin', `--config=${pushpinFile}`], folder, port: control })
  // It takes connections before its parts have found each other.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  const names = Array.from({ length: channels }, (_, index) => channelName(index))
  return {
    entrance: {
      protocol: 'sse',
      ports: [port],
      routes: names.map((name) => ({ path: `/${name}`, headers: [] })),
      openMark: 'event: open',
    },
    desk: {
      port: control,
      requests: names.map((name, index) => {
        const content = `data: ${eventPlace(event, index)}\n\n`
        const body = JSON.stringify({ items: [{ channel: name, formats: { 'http-stream': { content } } }] })
        return requestText('/publish/', ['content-type: application/json'], body)
      }),
      batch: 1,
      closesConnections: true,
    },
    pids: [main.pid, zurl.pid],
    async end() {
      await main.end()
      await zurl.end()
    },
  }
}

/** What Pushpin asks who may subscribe to what. It is asked once by each subscriber, and does not count. */
async function startOrigin(stage: Stage): Promise<number> {
  const origin = createServer((req, res) => {
    res
      .writeHead(200, {
        'content-type': 'text/event-stream',
        'grip-hold': 'stream',
        'grip-channel': (req.url ?? '').slice(1),
      })
      .end('event: open\ndata: {}\n\n')
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  stage.onEnd(() => {
    origin.closeAllConnections()
    origin.close()
  })
  const address = origin.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

interface Places {
  readonly folder: string
  readonly internal: string
  readonly routes: string
  readonly port: number
  readonly control: number
  readonly others: readonly number[]
}

function configuration({ folder, internal, routes, port, control, others }: Places): string {
  const [push, sub, command] = others
  return `
[global]
include=${internal}
rundir=${folder}/run
ipc_prefix=bench-
port_offset=0
stats_connection_ttl=120
[runner]
services=condure,pushpin-proxy,pushpin-handler
http_port=${port}
logdir=${folder}/log
log_level=1
client_buffer_size=8192
client_maxconn=${CONNECTIONS_MAX}
[proxy]
routesfile=${routes}
debug=false
auto_cross_origin=false
accept_x_forwarded_protocol=false
set_x_forwarded_protocol=proto-only
x_forwarded_for=
orig_headers_need_mark=
accept_pushpin_route=false
log_from=false
log_user_agent=false
sig_iss=pushpin
sig_key=changeme
updates_check=off
[handler]
push_in_spec=tcp://127.0.0.1:${push}
push_in_sub_specs=tcp://127.0.0.1:${sub}
push_in_sub_connect=false
push_in_http_addr=127.0.0.1
push_in_http_port=${control}
push_in_http_max_headers_size=10000
push_in_http_max_body_size=1000000
stats_spec=ipc://{rundir}/{ipc_prefix}stats
command_spec=tcp://127.0.0.1:${command}
message_rate=${MESSAGES_MAX}
message_hwm=${MESSAGES_MAX}
message_wait=5000
id_cache_ttl=60
connection_subscription_max=20
subscription_linger=60
stats_subscription_ttl=60
stats_report_interval=10
stats_format=tnetstring
`
}
