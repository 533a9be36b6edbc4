import type { Context } from './context.js'

/**
 * How this program is typed here: npm and npx set `npm_command` for what they start, and where they did the bare name may
 * not be on the PATH.
 */
export function commandName(env: Context['env']): string {
  return env.npm_command === undefined ? 'switchboard' : 'npx switchboard'
}
