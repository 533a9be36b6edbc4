import type { AccessToken } from '@switchboard/contract'
import { limits, type Permission } from '@switchboard/contract/core'
import { InvalidArgumentError } from 'commander'
import { createApi } from '../api.js'
import { type Context, say } from '../context.js'
import type { Define } from '../job.js'
import { parseDuration } from '../parse/duration.js'
import { withExamples } from '../parse/examples.js'
import { targetOf, withTarget } from '../parse/target-options.js'
import { parseList, parsePermissions } from '../parse/values.js'
import { palette } from '../render/palette.js'
import { findTarget, keyOf, type TargetOptions } from '../target.js'
import { workspaceId } from '../workspace.js'

interface CreateToken {
  readonly target: TargetOptions
  readonly json: boolean
  readonly permissions: readonly Permission[]
  /** The only calls it is for; empty = all. */
  readonly callSids: readonly string[]
  readonly ttlSeconds: number
  /** Show a link to the console that carries it, instead of the token alone. */
  readonly link: boolean
}

/** A browser listens; whatever more it may do must be asked for. */
const BROWSER_PERMISSIONS: readonly Permission[] = ['events:read', 'calls:observe']

/** A link to a call shows that call: `events:read` would show the whole workspace. */
const CALL_PERMISSIONS: readonly Permission[] = ['calls:observe']

interface Raw extends TargetOptions {
  readonly json?: true
  readonly permissions?: readonly Permission[]
  readonly callSid?: readonly string[]
  readonly ttl?: number
  readonly link?: true
}

export const defineToken: Define = (program, submit) => {
  const group = program.command('token').description('create short-lived access tokens for browsers')
  withExamples(group, [
    ['switchboard token create', 'may listen, for 15 minutes'],
    ['switchboard token create --call-sid CA5f0c… --ttl 1h', 'may listen to one call, for an hour'],
    ['switchboard token create --link', 'a link that signs a browser in to the console'],
  ])
  withTarget(group.command('create').description('create an access token and show it'))
    .option(
      '-p, --permissions <names>',
      `what it may do, separated by commas (default: ${BROWSER_PERMISSIONS.join(',')})`,
      parsePermissions,
    )
    .option('--call-sid <sids>', 'only these calls (repeatable)', parseList)
    .option('--ttl <duration>', `how long it lives, up to ${limits.tokenSecondsMax / 60}m (default: 15m)`, parseTtl)
    .option('--link', 'a link to the console that signs in with it')
    .option('--json', 'JSON')
    .action((raw: Raw) =>
      submit(
        'token create',
        {
          target: targetOf(raw),
          json: raw.json ?? false,
          permissions: raw.permissions ?? (raw.link && raw.callSid ? CALL_PERMISSIONS : BROWSER_PERMISSIONS),
          callSids: raw.callSid ?? [],
          ttlSeconds: raw.ttl ?? limits.tokenSecondsDefault,
          link: raw.link ?? false,
        } satisfies CreateToken,
        create,
      ),
    )
}

function parseTtl(text: string): number {
  const seconds = Math.floor(parseDuration(text) / 1000)
  if (seconds >= 1 && seconds <= limits.tokenSecondsMax) return seconds
  throw new InvalidArgumentError(`Give 1s to ${limits.tokenSecondsMax / 60}m.`)
}

async function create(
  { target, json, permissions, callSids, ttlSeconds, link }: CreateToken,
  context: Context,
): Promise<void> {
  const found = await findTarget(target, context)
  const api = createApi(found.url.value, keyOf(found), context)
  const token = await api.request<AccessToken>('POST', `/v1/${await workspaceId(found, context)}/access-tokens`, {
    permissions,
    ttl_seconds: ttlSeconds,
    ...(callSids.length === 0 ? {} : { call_sids: callSids }),
  })
  if (json) return say(context.stdout, JSON.stringify(token))
  const colours = palette(context.stderr.colour)
  await say(context.stderr, colours.faint(`Until ${token.expires_at}, may: ${token.permissions.join(', ')}`))
  await say(context.stdout, link ? consoleLink(found.url.value, token.access_token, callSids) : token.access_token)
}

/** Behind the `#`, which browsers send to nobody. A token for one call leads to that call. */
function consoleLink(url: string, token: string, callSids: readonly string[]): string {
  const [only, ...others] = callSids
  const page = only === undefined || others.length > 0 ? '' : `calls/${encodeURIComponent(only)}`
  return `${url}/console/${page}#token=${token}`
}
