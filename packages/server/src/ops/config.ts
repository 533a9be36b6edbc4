import { nearestName } from '@switchboard/contract'
import { quoted, shortened } from '../visible.js'
import type { Setting } from './setting.js'
import { type SettingName, settingList, settings } from './settings.js'

type ValueOf<S> = S extends { readonly parse: (text: string) => infer T | undefined } ? T : never
type OrNothing<S> = S extends { readonly preset: string } ? never : undefined

/** What a deployment has set, checked. Members without a preset are undefined when nothing is set. */
export type Config = {
  readonly [Name in SettingName]:
    | Exclude<ValueOf<(typeof settings)[Name]>, undefined>
    | OrNothing<(typeof settings)[Name]>
}

/** Flags by the names of the table, as texts: `{ port: '0' }`. */
export type Flags = { readonly [Name in SettingName]?: string | undefined }

/** The start cannot go on. The message is one line, for people, and holds no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * Reads the settings. A flag wins over its variable; an empty variable counts as not set, since that is what
 * `VARIABLE=` in a compose file means.
 *
 * @throws ConfigError naming the variable or flag, the value (never a secret's) and what is accepted.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>, flags: Flags = {}): Config {
  const values = settingList.map((setting) => [setting.name, settingValue(setting, env, flags[setting.name])])
  return Object.fromEntries(values) as Config
}

function settingValue(
  setting: Setting<unknown>,
  env: Readonly<Record<string, string | undefined>>,
  flag: string | undefined,
): unknown {
  const variable = env[setting.variable]
  if (flag !== undefined) return parsed(setting, setting.flag, flag)
  if (variable !== undefined && variable !== '') return parsed(setting, setting.variable, variable)
  return setting.preset === undefined ? undefined : parsed(setting, setting.variable, setting.preset)
}

function parsed({ parse, secret, accepted }: Setting<unknown>, source: string, text: string): unknown {
  const value = text === '' ? undefined : parse(text)
  if (value !== undefined) return value
  const shown = secret ? `has a value of ${text.length} characters that is not shown` : `is ${quoted(text)}`
  throw new ConfigError(`${source} ${shown}; accepted: ${accepted}`)
}

const NATS_SETTINGS = ['natsReplicas', 'natsFollow', 'natsCredentials', 'natsCa', 'natsMonitor'] as const

/** Variables of the command line, which may well be set where the server runs. */
const OTHERS = ['SWITCHBOARD_URL', 'SWITCHBOARD_API_KEY', 'SWITCHBOARD_WORKSPACE']

/**
 * What is worth a warning at the start, a line each: variables that begin with `SWITCHBOARD_` and mean nothing, with the
 * nearest name that does; settings that have no effect beside the others.
 */
export function configWarnings(env: Readonly<Record<string, string | undefined>>, config: Config): readonly string[] {
  const known = settingList.map(({ variable }) => variable)
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith('SWITCHBOARD_') && !known.includes(name) && !OTHERS.includes(name),
  )
  const warnings = unknown.map((name) => {
    // Not all begin with it: PORT and HOST are called what most platforms call them.
    const bare = name.slice('SWITCHBOARD_'.length)
    const near = known.includes(bare) ? bare : nearestName(known, name)
    return `${shortened(name)} is not a setting and is ignored${near === undefined ? '' : `; did you mean ${near}?`}`
  })
  if (config.natsUrl === undefined) {
    for (const name of NATS_SETTINGS) {
      const { variable } = settings[name]
      if (config[name] !== undefined) warnings.push(`${variable} has no effect without SWITCHBOARD_NATS_URL`)
    }
  }
  if (config.trustProxy === true) {
    warnings.push('SWITCHBOARD_TRUST_PROXY=on believes the addresses that any client claims: name the proxies instead')
  }
  return warnings
}

/** @throws ConfigError when workers are asked for where there is no file for them to share. */
export function requireOneMachine({ workers, natsUrl }: Config): void {
  if (workers === 1 || natsUrl === undefined) return
  throw new ConfigError(
    `SWITCHBOARD_WORKERS is ${workers}, and SWITCHBOARD_NATS_URL is set: workers share the embedded engine; accepted: 1 with JetStream, where more gateways do what more workers would`,
  )
}
