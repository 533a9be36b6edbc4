import type { ApiKey, ApiKeyWithSecret } from '@switchboard/contract'
import { limits, type Permission } from '@switchboard/contract/core'
import { Option } from 'commander'
import { type Api, createApi, segment } from '../api.js'
import { type Context, say } from '../context.js'
import { credentialsPath, saveCredentials } from '../credentials.js'
import type { Define } from '../job.js'
import { withExamples } from '../parse/examples.js'
import { targetOf, withTarget } from '../parse/target-options.js'
import { parsePermissions, wholeNumber } from '../parse/values.js'
import { palette } from '../render/palette.js'
import { table } from '../render/table.js'
import { findTarget, keyOf, type Target, type TargetOptions } from '../target.js'
import { workspaceId } from '../workspace.js'

/** What an app needs: it reads and publishes, and leaves keys, the audit trail and personal data alone. */
const APP_PERMISSIONS: readonly Permission[] = ['events:read', 'events:write', 'calls:observe', 'calls:publish']

interface Common {
  readonly target: TargetOptions
  readonly json: boolean
}

interface CreateKey extends Common {
  readonly name: string
  readonly permissions: readonly Permission[]
  readonly days: number | undefined
  /** Answer with lines for a shell, which set all that a program needs. */
  readonly shell: boolean
}

interface OneKey extends Common {
  readonly keyId: string
}

interface Raw extends TargetOptions {
  readonly json?: true
  readonly name?: string
  readonly permissions?: readonly Permission[]
  readonly days?: number
  readonly env?: true
}

export const defineKeys: Define = (program, submit) => {
  const group = program.command('keys').description("list, create, rotate and revoke a workspace's API keys")
  withExamples(group, [
    ['switchboard keys create --name app', 'may read and publish; the key is shown this once'],
    ['eval "$(switchboard keys create --name app --env)"', 'the same, set for the programs of this shell'],
    ['switchboard keys create --name wallboard -p events:read --days 90', 'may only read, for 90 days'],
    ['switchboard keys rotate <key_id>', 'a new secret; the old one ends at once'],
    ['switchboard keys revoke <key_id>', 'ends it, and every stream it has open'],
  ])
  const common = (raw: Raw): Common => ({ target: targetOf(raw), json: raw.json ?? false })

  withTarget(group.command('list').description('list keys, without their secrets'))
    .option('--json', 'one JSON object a line')
    .action((raw: Raw) => submit('keys list', common(raw), list))

  withTarget(group.command('create').description('create a key and show it, this once'))
    .requiredOption('--name <name>', 'what people call it, such as the program that holds it')
    .option(
      '-p, --permissions <names>',
      `what it may do, separated by commas (default: ${APP_PERMISSIONS.join(',')})`,
      parsePermissions,
    )
    .option('--days <n>', 'days until it expires (default: never)', wholeNumber(1, limits.keyDaysMax))
    .option('--env', 'print `export` lines with the key, the server and the workspace: eval "$(…)"')
    .addOption(new Option('--json', 'JSON').conflicts('env'))
    .action((raw: Raw) =>
      submit(
        'keys create',
        {
          ...common(raw),
          name: raw.name ?? '',
          permissions: raw.permissions ?? APP_PERMISSIONS,
          days: raw.days,
          shell: raw.env ?? false,
        } satisfies CreateKey,
        create,
      ),
    )

  withTarget(group.command('rotate').description('give a key a new secret; the old one ends at once'))
    .argument('<key_id>', 'the part between sb_ and the secret')
    .option('--json', 'JSON')
    .action((keyId: string, raw: Raw) => submit('keys rotate', { ...common(raw), keyId: keyIdOf(keyId) }, rotate))

  withTarget(group.command('revoke').description('end a key, and every stream it has open'))
    .argument('<key_id>', 'the part between sb_ and the secret')
    .option('--json', 'JSON')
    .action((keyId: string, raw: Raw) => submit('keys revoke', { ...common(raw), keyId: keyIdOf(keyId) }, revoke))
}

/** People paste whole keys; only the public part is used, so that no secret ends up in an address. */
function keyIdOf(text: string): string {
  return /^sb_([A-Za-z0-9]+)(?:_.*)?$/.exec(text)?.[1] ?? text
}

interface Opened {
  readonly api: Api
  readonly target: Target
  /** Its id. */
  readonly workspace: string
  /** Of its keys. */
  readonly path: string
}

async function open(options: TargetOptions, context: Context): Promise<Opened> {
  const target = await findTarget(options, context)
  const api = createApi(target.url.value, keyOf(target, 'managingKey'), context)
  const workspace = await workspaceId(target, context)
  return { api, target, workspace, path: `/v1/${workspace}/api-keys` }
}

async function list({ target, json }: Common, context: Context): Promise<void> {
  const { api, path } = await open(target, context)
  const keys = await api.list<ApiKey>(path)
  if (json) {
    for (const key of keys) await say(context.stdout, JSON.stringify(key))
    return
  }
  const rows = keys.map((key) => [
    key.key_id,
    key.name,
    key.created_at.slice(0, 10),
    key.expires_at?.slice(0, 10) ?? 'never',
    key.permissions.join(' '),
  ])
  const colours = palette(context.stdout.colour)
  for (const line of table(['KEY ID', 'NAME', 'CREATED', 'EXPIRES', 'MAY'], rows, colours))
    await say(context.stdout, line)
}

async function create({ target, json, name, permissions, days, shell }: CreateKey, context: Context): Promise<void> {
  const { api, workspace, path } = await open(target, context)
  const body = { name, permissions, ...(days === undefined ? {} : { duration_days: days }) }
  const key = await api.request<ApiKeyWithSecret>('POST', path, body)
  if (!shell) return show(key, json, context)
  const variables = {
    SWITCHBOARD_URL: api.url,
    SWITCHBOARD_WORKSPACE: workspace,
    SWITCHBOARD_API_KEY: key.api_key,
  }
  for (const [variable, value] of Object.entries(variables))
    await say(context.stdout, `export ${variable}='${value.replaceAll("'", "'\\''")}'`)
}

async function rotate({ target: options, json, keyId }: OneKey, context: Context): Promise<void> {
  const { api, target, path } = await open(options, context)
  const key = await api.request<ApiKeyWithSecret>('POST', `${path}/${segment(keyId)}/rotate`)
  // Commands on this machine must go on working after their own key was rotated.
  if (target.held.api_key !== undefined && keyIdOf(target.held.api_key) === key.key_id) {
    await saveCredentials(credentialsPath(context), target.url.value, { ...target.held, api_key: key.api_key })
    await say(context.stderr, 'The new key is in the credentials file.')
  }
  await show(key, json, context)
}

async function revoke({ target, json, keyId }: OneKey, context: Context): Promise<void> {
  const { api, path } = await open(target, context)
  await api.request('DELETE', `${path}/${segment(keyId)}`)
  if (json) await say(context.stdout, JSON.stringify({ key_id: keyId, revoked: true }))
  else await say(context.stdout, `${keyId} is revoked.`)
}

/** The key alone goes to standard output, so that `KEY=$(switchboard keys create …)` works. */
async function show(key: ApiKeyWithSecret, json: boolean, context: Context): Promise<void> {
  if (json) return say(context.stdout, JSON.stringify(key))
  const colours = palette(context.stderr.colour)
  const expires = key.expires_at === null ? 'never expires' : `expires ${key.expires_at}`
  await say(
    context.stderr,
    `${colours.strong(key.name)} (${key.key_id}), ${expires}, may: ${key.permissions.join(', ')}`,
  )
  await say(context.stderr, colours.faint('Keep it now: it is never shown again.'))
  await say(context.stdout, key.api_key)
}
