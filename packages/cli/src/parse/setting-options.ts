import type { Config, SettingName } from '@switchboard/server'
import { type Command, Option } from 'commander'

/** What was typed of a server's settings: texts, by their names in its table, which reads them together with the environment. */
export type SettingFlags = Readonly<Record<string, string>>

/**
 * Adds settings of the server as options of a command, from the server's own table. Loading the server takes several
 * times as long as all the rest of this program, so that only happens for the commands that need it.
 * @param wanted Names of settings. Default: all.
 * @returns What was typed of them, out of all options of the command.
 */
export async function withSettings(
  command: Command,
  wanted?: readonly string[],
): Promise<(typed: Readonly<Record<string, unknown>>) => SettingFlags> {
  const { settingList } = await import('@switchboard/server')
  const names = new Map<string, string>()
  for (const { name, flag, placeholder, meaning, variable, preset, otherwise } of settingList) {
    if (wanted && !wanted.includes(name)) continue
    const unset = preset ?? otherwise
    const text = `${meaning.replace(/\.$/, '')} [${variable}${unset === undefined ? '' : `, default: ${unset}`}]`
    const option = new Option(`${flag} ${placeholder}`, text)
    names.set(option.attributeName(), name)
    command.addOption(option)
  }
  return (typed) =>
    Object.fromEntries(
      Object.entries(typed).flatMap(([option, text]) => {
        const name = names.get(option)
        return name !== undefined && typeof text === 'string' ? [[name, text]] : []
      }),
    )
}

/**
 * The configuration of a server as far as some settings say it. The others are as if nobody had set them: they are none
 * of the command's business, and may be wrong here without any harm.
 * @throws ConfigError for one that cannot be.
 */
export async function configOf(
  names: readonly SettingName[],
  flags: SettingFlags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Config> {
  const { readConfig, settings } = await import('@switchboard/server')
  const variables = names.map((name) => settings[name].variable)
  return readConfig(Object.fromEntries(variables.map((variable) => [variable, env[variable]])), flags)
}
