import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import type { Context } from './context.js'
import { CliError } from './failure.js'

/** What this machine's user holds for one server. */
export interface ServerCredentials {
  /** May do everything in every workspace; left out when only a workspace's key is known. */
  readonly admin_key?: string
  /** The workspace that commands use when none is named. */
  readonly workspace_id?: string
  readonly workspace_slug?: string
  /** A key of that workspace. */
  readonly api_key?: string
  /** The folder of the embedded log, when the server was started on this machine. */
  readonly data_dir?: string
}

export interface Credentials {
  /** The address of the server that was started here last: commands go there when none is named. */
  readonly current: string | undefined
  /** By the server's address. */
  readonly servers: Readonly<Record<string, ServerCredentials>>
}

const VERSION = 1
/** Its owner reads and writes it; for everybody else it does not exist. */
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

/** `$XDG_CONFIG_HOME/switchboard/credentials.json`, or the same in `~/.config` when that is unset or relative. */
export function credentialsPath(context: Pick<Context, 'env' | 'home'>): string {
  const configured = context.env.XDG_CONFIG_HOME
  const base = configured !== undefined && isAbsolute(configured) ? configured : join(context.home, '.config')
  return join(base, 'switchboard', 'credentials.json')
}

/**
 * All that is kept; nothing when there is no file.
 * @throws CliError when the file is not ours to understand, rather than write over it.
 */
export async function readCredentials(path: string): Promise<Credentials> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { current: undefined, servers: {} }
    throw error
  }
  const file: unknown = parse(text)
  if (isRecord(file) && file.version === VERSION && isRecord(file.servers)) {
    const servers = Object.fromEntries(Object.entries(file.servers).map(([url, held]) => [url, pick(held)]))
    return { current: typeof file.current === 'string' ? file.current : undefined, servers }
  }
  const advice = 'Move it away, and give --key and --workspace instead.'
  throw new CliError('bad_request', `${path} is not a credentials file of this version.`, advice)
}

/** Puts this in the place of what is kept for a server; servers of other folders stay as they are. */
export async function saveCredentials(path: string, url: string, held: ServerCredentials): Promise<void> {
  const { current, servers } = await readCredentials(path)
  await write(path, { current, servers: withServer(servers, url, held) })
}

/** As `saveCredentials`, and makes it the server that commands go to. Nothing is written when nothing changes. */
export async function saveCurrent(path: string, url: string, held: ServerCredentials): Promise<void> {
  const before = await readCredentials(path)
  if (before.current === url && JSON.stringify(before.servers[url]) === JSON.stringify(held)) return
  await write(path, { current: url, servers: withServer(before.servers, url, held) })
}

/** A folder has one server at a time: what was kept under the address it had before is this one's. */
function withServer(servers: Credentials['servers'], url: string, held: ServerCredentials): Credentials['servers'] {
  const others = Object.entries(servers).filter(
    ([address, { data_dir }]) => address === url || data_dir === undefined || data_dir !== held.data_dir,
  )
  return { ...Object.fromEntries(others), [url]: held }
}

async function write(path: string, { current, servers }: Credentials): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE })
  // Another file first, then its name: whoever reads meanwhile sees the old or the new one, and never half of one.
  const draft = `${path}.${process.pid}.tmp`
  await writeFile(draft, `${JSON.stringify({ version: VERSION, current, servers }, null, 2)}\n`, { mode: FILE_MODE })
  await chmod(draft, FILE_MODE)
  await rename(draft, path)
}

/** Whether nobody else may read the file. Undefined when there is none. Windows has no such bits. */
export async function isPrivate(path: string): Promise<boolean | undefined> {
  try {
    const { mode } = await stat(path)
    return process.platform === 'win32' || (mode & 0o077) === 0
  } catch {
    return undefined
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const NAMES = ['admin_key', 'workspace_id', 'workspace_slug', 'api_key', 'data_dir'] as const

function pick(held: unknown): ServerCredentials {
  if (!isRecord(held)) return {}
  return Object.fromEntries(NAMES.filter((name) => typeof held[name] === 'string').map((name) => [name, held[name]]))
}
