import { readFileSync } from 'node:fs'
import { commandName } from './command-name.js'
import { tell } from './failure.js'
import { processContext, type Stop } from './process.js'
import { parse } from './program.js'
import { formatTold, toldJson } from './render/told.js'

/** Exit statuses of a command that was stopped before it was done: 128 and the signal's number, as shells have it. */
const STOPPED: Readonly<Record<Stop, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, 'broken pipe': 0 }

async function main(argv: readonly string[]): Promise<number> {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  const { context, stopped } = processContext(!argv.includes('--no-color'))
  const parsed = await parse(argv, { version, colour: context.stdout.colour })
  if (parsed.kind === 'said') {
    await context.stdout.write(parsed.stdout)
    await context.stderr.write(parsed.stderr)
    return parsed.exit
  }
  try {
    const result = await parsed.job.run(context)
    return typeof result === 'number' ? result : 0
  } catch (error) {
    const why = stopped()
    // Whatever breaks because the user wants no more is no news to them.
    if (why !== undefined) return STOPPED[why]
    const told = tell(error, context.env.DEBUG?.includes('switchboard') === true)
    await context.stderr.write(
      argv.includes('--json') ? toldJson(told) : formatTold(told, context.stderr.colour, commandName(context.env)),
    )
    return told.exit
  }
}

process.exitCode = await main(process.argv.slice(2))
// A kept-alive connection must not hold the terminal after the work is done. Output has been written by now: `write`
// waits for it, and what a pipe still holds is flushed by the empty write.
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
process.exit()
