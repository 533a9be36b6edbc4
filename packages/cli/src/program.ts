import { Command, CommanderError } from 'commander'
import { defineAudit } from './commands/audit.js'
import { defineBackup, defineRestore } from './commands/backup.js'
import { defineData } from './commands/data.js'
import { defineDevCluster } from './commands/dev-cluster.js'
import { defineDoctor } from './commands/doctor.js'
import { defineKeys } from './commands/keys.js'
import { defineMigrate } from './commands/migrate.js'
import { defineObserve } from './commands/observe.js'
import { definePublish } from './commands/publish.js'
import { defineReplay } from './commands/replay.js'
import { defineServe } from './commands/serve.js'
import { defineSimulate } from './commands/simulate.js'
import { defineTail } from './commands/tail.js'
import { defineToken } from './commands/token.js'
import { defineWorkspaces } from './commands/workspaces.js'
import { CliError, tell } from './failure.js'
import type { Job, Submit } from './job.js'
import { withExamples } from './parse/examples.js'
import { formatTold } from './render/told.js'

/** What a command line means. */
export type Parsed =
  | { readonly kind: 'job'; readonly job: Job }
  /** Nothing to do but to print this and exit: help, a version, or what is wrong with the arguments. */
  | { readonly kind: 'said'; readonly stdout: string; readonly stderr: string; readonly exit: number }

export interface ParseOptions {
  readonly version: string
  readonly colour?: boolean
}

/** Parses a command line, without the two words that start it. Touches nothing. */
export async function parse(argv: readonly string[], { version, colour = false }: ParseOptions): Promise<Parsed> {
  let job: Job | undefined
  let stdout = ''
  let stderr = ''
  const submit: Submit = (name, options, run) => {
    job = { name, options, run: (context) => run(options, context) }
  }
  const program = new Command('switchboard')
    .description('Switchboard carries the events of a workspace and its calls to every screen that should know.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .option('--no-color', 'no colours (also: NO_COLOR=1)')
    .showHelpAfterError('(--help shows what is accepted)')
  withExamples(program, [
    ['switchboard serve', 'start a server; the first start makes a workspace and keys'],
    ['switchboard tail', 'watch the workspace'],
    ['switchboard simulate --calls-per-minute 12', 'fill it with made-up life'],
    ['switchboard observe CA5f0c1d2e', 'listen to one call, by the beginning of its id'],
    ['switchboard doctor', 'check everything, with advice'],
  ])
  await defineServe(program, submit, argv)
  for (const define of [
    defineTail,
    defineObserve,
    definePublish,
    defineReplay,
    defineSimulate,
    defineWorkspaces,
    defineKeys,
    defineToken,
    defineAudit,
    defineData,
    defineDevCluster,
  ]) {
    define(program, submit)
  }
  await defineBackup(program, submit, argv)
  await defineRestore(program, submit, argv)
  await defineMigrate(program, submit, argv)
  await defineDoctor(program, submit, argv)
  for (const command of every(program)) {
    command
      .exitOverride()
      .showSuggestionAfterError()
      .configureOutput({
        writeOut: (text) => {
          stdout += text
        },
        writeErr: (text) => {
          stderr += text
        },
        getOutHasColors: () => colour,
      })
    if (command !== program)
      command.showHelpAfterError(`(switchboard ${pathOf(command)} --help shows what is accepted)`)
  }
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      // Asking for help is no mistake; leaving out the command is.
      const asked = error.exitCode === 0
      return { kind: 'said', stdout, stderr, exit: asked ? 0 : tell(new CliError('bad_request', '')).exit }
    }
    const told = tell(error)
    return { kind: 'said', stdout, stderr: formatTold(told, false), exit: told.exit }
  }
  if (job === undefined) throw new Error('a command was parsed and submitted nothing')
  return { kind: 'job', job }
}

function every(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(every)]
}

function pathOf(command: Command): string {
  const names: string[] = []
  for (let each: Command | null = command; each?.parent; each = each.parent) names.unshift(each.name())
  return names.join(' ')
}
