import type { Command } from 'commander'
import type { Backup, Restore, VerifyBackup } from '../backup/backup.js'
import type { Context } from '../context.js'
import type { Submit } from '../job.js'
import { withExamples } from '../parse/examples.js'
import { withSettings } from '../parse/setting-options.js'

/** Which folder, and whether it is one at all: with NATS servers there is nothing in it to be kept. */
const SETTINGS = ['dataDir', 'natsUrl']

interface Raw {
  readonly withoutKeys?: true
  readonly acceptDamage?: true
  readonly json?: true
}

export async function defineBackup(program: Command, submit: Submit, argv: readonly string[]): Promise<void> {
  const command = program
    .command('backup')
    .description('copy the data folder of a server, which may be running, into a folder of its own')
    .argument('<target>', 'a folder that is not there yet; it has this name only once it is whole')
    .option('--without-keys', 'leave the keys out, for a back-up that gives no secret away by itself')
    .option('--accept-damage', 'keep what is left of a log in which something cannot be read any more')
    .option('--json', 'one JSON object')
  withExamples(command, [
    ['switchboard backup /backup/monday --data-dir /var/lib/switchboard', 'while the server runs'],
    ['switchboard backup verify /backup/monday', 'whether it is what was made'],
    ['switchboard restore /backup/monday --data-dir /var/lib/switchboard', 'into an empty folder'],
  ])
  command.addHelpText(
    'after',
    '\nThe keys of the folder are in it beside what they open, unless you leave them out: keep it as private as the folder.',
  )
  const flagsOf = argv.includes('backup') ? await withSettings(command, SETTINGS) : () => ({})
  command.action((target: string, raw: Raw) => {
    const { withoutKeys = false, acceptDamage = false, json = false } = raw
    const job: Backup = { target, withoutKeys, acceptDamage, json, flags: flagsOf({ ...raw }) }
    submit('backup', job, runBackup)
  })
  const verify = command
    .command('verify')
    .description('check a back-up: its files, and every block of its log, by their checksums')
    .argument('<folder>', 'the back-up')
    .option('--json', 'one JSON object')
  withExamples(verify, [['switchboard backup verify /backup/monday', 'exit status 0 when it is whole and unaltered']])
  verify.action((folder: string, raw: Raw, { parent }: Command) => {
    // Of an option that both have, the outer command takes what is typed.
    const json = (raw.json ?? parent?.opts<Raw>().json) === true
    submit('backup verify', { folder, json } satisfies VerifyBackup, runVerify)
  })
}

export async function defineRestore(program: Command, submit: Submit, argv: readonly string[]): Promise<void> {
  const command = program
    .command('restore')
    .description('make a data folder of a back-up')
    .argument('<source>', 'a back-up')
    .option('--json', 'one JSON object')
  withExamples(command, [
    ['switchboard restore /backup/monday --data-dir /var/lib/switchboard', 'into a folder that is empty or not there'],
  ])
  const flagsOf = argv.includes('restore') ? await withSettings(command, SETTINGS) : () => ({})
  command.action((source: string, raw: Raw) => {
    submit('restore', { source, json: raw.json ?? false, flags: flagsOf({ ...raw }) } satisfies Restore, runRestore)
  })
}

/** What does it is loaded once it is to be done. */
const runBackup = async (job: Backup, context: Context): Promise<unknown> => (await work()).runBackup(job, context)
const runVerify = async (job: VerifyBackup, context: Context): Promise<unknown> =>
  (await work()).runVerify(job, context)
const runRestore = async (job: Restore, context: Context): Promise<unknown> => (await work()).runRestore(job, context)
const work = () => import('../backup/backup.js')
