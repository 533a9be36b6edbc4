import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { makeCertificate } from '../packages/server/testing/certificates.js'
import { freePort, root, until } from './kit.js'

export type ProxyName = 'nginx' | 'haproxy' | 'caddy'

/** What a site's configuration needs around it, and what in the printed one stands for this machine's own. */
interface Recipe {
  readonly files: (printed: string, dir: string) => Readonly<Record<string, string>>
  readonly fill: (dir: string, port: number, spare: number) => readonly (readonly [printed: string, here: string])[]
  readonly args: (dir: string) => readonly string[]
  /** The certificate that signs for the proxy, once it runs. */
  readonly authority: (dir: string) => string
}

const recipes: Readonly<Record<ProxyName, Recipe>> = {
  nginx: {
    fill: (dir, port) => [
      ['listen 443 ', `listen 127.0.0.1:${port} `],
      ['server_name switchboard.example.com', 'server_name localhost'],
      ['/etc/ssl/switchboard.crt', `${dir}/localhost.crt`],
      ['/etc/ssl/switchboard.key', `${dir}/localhost.key`],
      ['/var/log/nginx/switchboard.log', `${dir}/access.log`],
    ],
    files: (printed, dir) => ({
      'site.conf': printed,
      'nginx.conf': [
        ...(process.getuid?.() === 0 ? ['user root;'] : []),
        'daemon off;',
        'worker_processes 1;',
        `pid ${dir}/nginx.pid;`,
        'events {}',
        'http {',
        ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `  ${what}_temp_path ${dir}/${what};`),
        '  include site.conf;',
        '}\n',
      ].join('\n'),
    }),
    args: (dir) => ['-p', dir, '-c', `${dir}/nginx.conf`, '-e', `${dir}/error.log`],
    authority: (dir) => `${dir}/localhost.crt`,
  },
  haproxy: {
    fill: (dir, port) => [
      ['bind :443 ', `bind 127.0.0.1:${port} `],
      ['/etc/haproxy/switchboard.pem', `${dir}/localhost.pem`],
    ],
    files: (printed) => ({ 'haproxy.cfg': `defaults\n  log stdout format raw daemon\n  log global\n\n${printed}` }),
    args: (dir) => ['-db', '-f', `${dir}/haproxy.cfg`],
    authority: (dir) => `${dir}/localhost.crt`,
  },
  caddy: {
    fill: (dir, port, spare) => [
      ['switchboard.example.com', `https://localhost:${port}`],
      [
        // The time a restart takes, and what keeps a test's Caddy apart from the machine's own.
        '  grace_period 5s\n',
        `  grace_period 500ms
           admin off
           skip_install_trust
           default_bind 127.0.0.1
           http_port ${spare}
           storage file_system ${dir}/storage\n`,
      ],
    ],
    files: (printed) => ({ Caddyfile: printed }),
    args: (dir) => ['run', '--config', `${dir}/Caddyfile`, '--adapter', 'caddyfile'],
    authority: (dir) => `${dir}/storage/pki/authorities/local/root.crt`,
  },
}

function programOf(name: string): string | undefined {
  // Debian keeps servers where only root looks.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** Why a proxy cannot be tested here, or undefined when it can. */
export function missing(name: ProxyName): string | undefined {
  return [name, 'openssl']
    .filter((program) => programOf(program) === undefined)
    .map((program) => `${program} is not installed`)
    .at(0)
}

/** The configuration that docs/operations.md prints for a proxy. */
function printedConfiguration(name: ProxyName): string {
  const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')
  const [, code] = new RegExp(`^\`\`\`${name}\n(.*?)^\`\`\`$`, 'ms').exec(page) ?? []
  if (code === undefined) throw new Error(`docs/operations.md prints no configuration of ${name}`)
  return code
}

function replaceOnce(text: string, printed: string, here: string): string {
  if (text.split(printed).length !== 2) throw new Error(`docs/operations.md does not print this once: ${printed}`)
  return text.replace(printed, () => here)
}

/** A real proxy process with the configuration of the document, before one server. */
export class TestProxy {
  output = ''
  private process: ChildProcess | undefined

  private constructor(
    readonly name: ProxyName,
    readonly dir: string,
    readonly port: number,
  ) {}

  /**
   * @param target The server's port.
   * @param change Makes the printed configuration another, for what would take too long as it is.
   */
  static async start(
    name: ProxyName,
    target: number,
    onEnd: (end: () => Promise<void>) => void,
    change: (printed: string) => string = (printed) => printed,
  ): Promise<TestProxy> {
    const dir = mkdtempSync(join(tmpdir(), `switchboard-${name}-`))
    const proxy = new TestProxy(name, dir, await freePort())
    onEnd(async () => {
      await proxy.stop()
      rmSync(dir, { recursive: true, force: true })
    })
    const { cert, key } = makeCertificate(dir)
    // As haproxy has them, in one file.
    writeFileSync(join(dir, 'localhost.pem'), readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'), { mode: 0o600 })
    const { fill, files } = recipes[name]
    const site = [
      ...fill(dir, proxy.port, await freePort()),
      ['127.0.0.1:8080', `127.0.0.1:${target}`] as const,
    ].reduce((text, [printed, here]) => replaceOnce(text, printed, here), change(printedConfiguration(name)))
    for (const [path, text] of Object.entries(files(site, dir))) writeFileSync(join(dir, path), text)
    await proxy.run()
    return proxy
  }

  get url(): string {
    return `https://localhost:${this.port}`
  }

  /** The path of the certificate that clients must trust. */
  get authority(): string {
    return recipes[this.name].authority(this.dir)
  }

  async run(): Promise<void> {
    const child = spawn(programOf(this.name) ?? this.name, recipes[this.name].args(this.dir), {
      env: { PATH: process.env.PATH, HOME: this.dir, XDG_DATA_HOME: this.dir, XDG_CONFIG_HOME: this.dir },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.process = child
    for (const pipe of [child.stdout, child.stderr]) {
      pipe?.on('data', (bytes: Buffer) => {
        this.output += bytes.toString()
      })
    }
    await until(`${this.name} to listen`, () => {
      if (child.exitCode !== null) throw new Error(`${this.name} ended with ${child.exitCode}:\n${this.output}`)
      return existsSync(this.authority) && answers(this.port)
    })
  }

  /** Ends it as a restart does: open connections are cut. */
  async stop(): Promise<void> {
    const child = this.process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    // SIGINT makes haproxy and Caddy leave at once; for nginx it is the fast shutdown.
    child.kill('SIGINT')
    await ended
  }

  /** What it has written to its access log. */
  get log(): string {
    const file = join(this.dir, 'access.log')
    return this.output + (existsSync(file) ? readFileSync(file, 'utf8') : '')
  }
}

async function answers(port: number): Promise<true | undefined> {
  const socket = connect(port, '127.0.0.1')
  try {
    return await new Promise((resolve) => {
      socket.on('connect', () => resolve(true))
      socket.on('error', () => resolve(undefined))
    })
  } finally {
    socket.destroy()
  }
}
