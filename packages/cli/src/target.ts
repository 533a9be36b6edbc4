import type { Context } from './context.js'
import { type Credentials, credentialsPath, readCredentials, type ServerCredentials } from './credentials.js'
import { CliError } from './failure.js'
import { parseUrl } from './parse/values.js'

/** Where a command goes, as options say it; what they leave open, the environment and the credentials file fill in. */
export interface TargetOptions {
  readonly url?: string
  readonly key?: string
  /** An id or a slug. */
  readonly workspace?: string
}

/** Where each part of a target was found, for `doctor` and for error messages. */
type Origin = 'option' | 'environment' | 'credentials file' | 'default'

interface Found {
  readonly value: string
  readonly origin: Origin
}

/** What is known before the server has been asked anything. */
export interface Target {
  readonly url: Found
  /** The key for reading and publishing. */
  readonly key: Found | undefined
  /** The key for workspaces, keys and tokens: the admin key of the file, unless another was given. */
  readonly managingKey: Found | undefined
  /** An id, or a slug that the server has still to be asked about. */
  readonly workspace: Found | undefined
  readonly held: ServerCredentials
}

const DEFAULT_URL = 'http://127.0.0.1:8080'

/** Options win over the environment, and the environment over the file. Pure. */
export function resolveTarget(options: TargetOptions, env: Context['env'], { current, servers }: Credentials): Target {
  const url = first(options.url, blank(env.SWITCHBOARD_URL), current) ?? { value: DEFAULT_URL, origin: 'default' }
  const address = cleanUrl(url)
  // `serve` keeps the number; people often type the name.
  const held = servers[address] ?? servers[address.replace('//localhost', '//127.0.0.1')] ?? {}
  const workspace = first(options.workspace, blank(env.SWITCHBOARD_WORKSPACE), held.workspace_id)
  const given = first(options.key, blank(env.SWITCHBOARD_API_KEY), undefined)
  // The file's workspace key opens only the file's workspace; for any other, the admin key has to do.
  const own =
    workspace !== undefined && (workspace.value === held.workspace_id || workspace.value === held.workspace_slug)
  const keyOfFile = own ? (held.api_key ?? held.admin_key) : held.admin_key
  return {
    url: { ...url, value: address },
    key: given ?? first(undefined, undefined, keyOfFile),
    managingKey: given ?? first(undefined, undefined, held.admin_key ?? held.api_key),
    workspace:
      own && held.workspace_id !== undefined && workspace ? { ...workspace, value: held.workspace_id } : workspace,
    held,
  }
}

/** As `resolveTarget`, with this user's credentials file. */
export async function findTarget(options: TargetOptions, context: Pick<Context, 'env' | 'home'>): Promise<Target> {
  return resolveTarget(options, context.env, await readCredentials(credentialsPath(context)))
}

/** @throws CliError that says how to come by a key. */
export function keyOf(target: Target, purpose: 'key' | 'managingKey' = 'key'): string {
  const key = target[purpose]
  if (key !== undefined) return key.value
  throw new CliError(
    'unauthenticated',
    `There is no key for ${target.url.value}.`,
    'Start a server with `switchboard serve`, which makes one, or give --key and --workspace (or set SWITCHBOARD_API_KEY and SWITCHBOARD_WORKSPACE).',
  )
}

function first(option?: string, environment?: string, file?: string): Found | undefined {
  if (option !== undefined) return { value: option, origin: 'option' }
  if (environment !== undefined) return { value: environment, origin: 'environment' }
  return file === undefined ? undefined : { value: file, origin: 'credentials file' }
}

/** A variable that is set to nothing counts as unset, as everywhere in a shell. */
function blank(value: string | undefined): string | undefined {
  return value?.trim() === '' ? undefined : value
}

function cleanUrl({ value, origin }: Found): string {
  try {
    return parseUrl(value)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new CliError(
      'bad_request',
      `${origin === 'environment' ? 'SWITCHBOARD_URL' : '--url'} is "${value}". ${message}`,
    )
  }
}
