import type { Command } from 'commander'
import type { TargetOptions } from '../target.js'
import { parseUrl } from './values.js'

/** Adds the options that say where a command goes. */
export function withTarget(command: Command): Command {
  return command
    .option('--url <url>', 'the server (SWITCHBOARD_URL; default: the one started here last)', parseUrl)
    .option('--key <key>', 'API key (SWITCHBOARD_API_KEY; default: the one that `serve` kept)')
    .option('-w, --workspace <id|slug>', 'workspace (SWITCHBOARD_WORKSPACE; default: the one that `serve` made)')
}

/** The target's part of a command's options, without those that were not given. */
export function targetOf(options: TargetOptions): TargetOptions {
  const { url, key, workspace } = options
  return {
    ...(url === undefined ? {} : { url }),
    ...(key === undefined ? {} : { key }),
    ...(workspace === undefined ? {} : { workspace }),
  }
}
