import { type Command, InvalidArgumentError } from 'commander'
import type { Context } from '../context.js'
import { CliError } from '../failure.js'
import type { Submit } from '../job.js'
import type { Migrate } from '../migrate/migrate.js'
import { MIGRATE_SETTINGS } from '../migrate/settings.js'
import { withExamples } from '../parse/examples.js'
import { withSettings } from '../parse/setting-options.js'
import { parseList } from '../parse/values.js'

interface Raw {
  readonly workspace?: readonly string[]
  readonly all?: true
  readonly slug?: string
  readonly map?: string
  readonly dryRun?: true
  readonly startOver?: true
  readonly skipDamaged?: true
  readonly json?: true
}

export async function defineMigrate(program: Command, submit: Submit, argv: readonly string[]): Promise<void> {
  const command = program
    .command('migrate')
    .description('move workspaces from one machine into a NATS cluster, with everything that belongs to them')
    .requiredOption('--from <engine>', 'what they are in: lmdb, the folder of a server that is stopped', only('lmdb'))
    .requiredOption('--to <engine>', 'where they go: jetstream', only('jetstream'))
    .option('-w, --workspace <id|slug>', 'which; repeated, or separated by commas', parseList)
    .option('--all', 'every workspace of the folder')
    .option('--slug <slug>', 'another slug at the target, for one workspace')
    .option('--map <file>', 'write each position, before and now, into a file')
    .option('--dry-run', 'say what would be moved, and move nothing')
    .option('--start-over', 'remove what an unfinished run has moved, and begin anew')
    .option('--skip-damaged', 'leave out what cannot be read any more')
    .option('--json', 'one JSON object a line')
  withExamples(command, [
    ['switchboard migrate --from lmdb --to jetstream --all --nats-url nats://10.0.0.1:4222 --dry-run', 'look first'],
    ['switchboard migrate --from lmdb --to jetstream -w harbor-clinic --nats-url nats://10.0.0.1:4222', 'move one'],
  ])
  command.addHelpText(
    'after',
    '\nA run that was broken off goes on where it stopped, with the same command.\nExit status: 0 when both sides are the same, 75 when they are not; the workspace is not served at the target then.',
  )
  const gatewayOf = argv.includes('migrate') ? await withSettings(command, MIGRATE_SETTINGS) : () => ({})
  command.action((raw: Raw) => {
    const { workspace, all, slug, map, dryRun = false, startOver = false, skipDamaged = false, json = false } = raw
    if ((workspace === undefined) === (all === undefined)) {
      throw new CliError('bad_request', 'Say which workspaces: either --workspace, once or more, or --all.')
    }
    const job: Migrate = {
      workspaces: workspace ?? 'all',
      slug,
      map,
      dryRun,
      startOver,
      skipDamaged,
      json,
      gateway: gatewayOf({ ...raw }),
    }
    submit('migrate', job, run)
  })
}

/** There is one way so far. */
function only(engine: 'lmdb' | 'jetstream'): (text: string) => string {
  return (text) => {
    if (text === engine) return text
    throw new InvalidArgumentError('Accepted is --from lmdb --to jetstream; the other way is not offered.')
  }
}

async function run(job: Migrate, context: Context): Promise<unknown> {
  const { runMigrate } = await import('../migrate/migrate.js')
  return runMigrate(job, context)
}
