import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '../../packages/server/src/nats/free-ports.js'
import type { Stage } from '../stage.js'
import { type Needs, type Product, type Server, serverOfPaths } from './server.js'
import { startProgram } from './start-program.js'

const MODULES = ['/usr/lib/nginx/modules', '/usr/lib64/nginx/modules', '/usr/share/nginx/modules']
/** Debian puts it where only root's PATH looks. */
const PROGRAMS = ['nginx', '/usr/sbin/nginx']
const CONNECTIONS_MAX = 19_900
const DESCRIPTORS_MAX = 20_000

/** nginx with the module nchan: events in memory, one process that works. */
export const nchan: Product = {
  name: 'nchan',
  protocols: ['sse', 'websocket'],
  resumes: true,
  advice: 'apt-get install nginx-light libnginx-mod-nchan',
  version,
  start,
}

async function version(): Promise<string | undefined> {
  const path = modulePath()
  const program = await nginx()
  if (path === undefined || program === undefined) return undefined
  // It says so to those who ask its status page, and stands in the file as a text of its own.
  const own = /\0(\d+\.\d+\.\d+)\0/.exec(readFileSync(path, 'latin1'))?.[1] ?? 'of unknown version'
  return `${own} in nginx ${program.version}`
}

function modulePath(): string | undefined {
  return MODULES.map((folder) => join(folder, 'ngx_nchan_module.so')).find((path) => existsSync(path))
}

async function nginx(): Promise<{ readonly path: string; readonly version: string } | undefined> {
  for (const path of PROGRAMS) {
    const answer = await promisify(execFile)(path, ['-v']).catch(() => undefined)
    const found = /nginx\/(\S+)/.exec(answer?.stderr ?? '')?.[1]
    if (found !== undefined) return { path, version: found }
  }
  return undefined
}

async function start(stage: Stage, needs: Needs): Promise<Server> {
  const folder = stage.newFolder('nchan')
  const [port = 0] = await freePorts(1)
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, configuration(folder, port))
  const program = await nginx()
  const { pid, end } = await startProgram(stage, {
    command: [program?.path ?? '', '-p', folder, '-c', file],
    folder,
    port,
  })
  return serverOfPaths(needs, { port, pid, end })
}

function configuration(folder: string, port: number): string {
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  const subscriber = 'nchan_channel_id $1; nchan_subscriber_first_message newest; nchan_subscriber_timeout 0;'
  return `
load_module ${modulePath()};
daemon off;
worker_processes 1;
worker_rlimit_nofile ${DESCRIPTORS_MAX};
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections ${CONNECTIONS_MAX}; multi_accept on; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  ${scratch.join(' ')}
  nchan_shared_memory_size 1024M;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ~ ^/publish/(\\w+)$ {
      nchan_publisher;
      nchan_channel_id $1;
      nchan_message_buffer_length 20000;
      nchan_message_timeout 10m;
    }
    location ~ ^/sse/(\\w+)$ { nchan_subscriber eventsource; ${subscriber} }
    location ~ ^/websocket/(\\w+)$ { nchan_subscriber websocket; ${subscriber} }
  }
}
`
}
