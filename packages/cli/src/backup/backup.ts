import { resolve } from 'node:path'
import { SwitchboardError } from '@switchboard/contract/core'
import { systemClock } from '@switchboard/server'
import { backUp, checkBackup, type Manifest, restore } from '@switchboard/server/backup'
import type { Context } from '../context.js'
import { configOf, type SettingFlags } from '../parse/setting-options.js'
import { type Palette, palette } from '../render/palette.js'
import { size } from '../render/size.js'
import { counted, duration } from '../render/text.js'

export interface Backup {
  readonly target: string
  readonly withoutKeys: boolean
  readonly acceptDamage: boolean
  readonly json: boolean
  readonly flags: SettingFlags
}

export interface VerifyBackup {
  readonly folder: string
  readonly json: boolean
}

export interface Restore {
  readonly source: string
  readonly json: boolean
  readonly flags: SettingFlags
}

export async function runBackup(job: Backup, context: Context): Promise<void> {
  const from = await folderOf(job.flags, context)
  const to = resolve(context.cwd, job.target)
  const started = context.now()
  const { manifest, leftOut } = await backUp({ ...job, from, to, clock: systemClock, signal: context.signal })
  const lines = (colours: Palette): string[] => [
    keysLine(manifest, colours),
    ...(leftOut.length > 0
      ? [colours.warning(`Not in it, because Switchboard does not know it: ${leftOut.join(', ')}`)]
      : []),
    'Not in it, because it is elsewhere: settings, certificates, the file of your own event types.',
  ]
  await report('backed_up', to, manifest, { ...job, ms: context.now() - started, leftOut }, context, lines)
}

export async function runVerify({ folder, json }: VerifyBackup, context: Context): Promise<void> {
  const dir = resolve(context.cwd, folder)
  const started = context.now()
  const manifest = await checkBackup(dir, systemClock)
  await report('verified', dir, manifest, { json, ms: context.now() - started }, context, () => [])
}

export async function runRestore({ source, json, flags }: Restore, context: Context): Promise<void> {
  const to = await folderOf(flags, context)
  const started = context.now()
  const manifest = await restore({ from: resolve(context.cwd, source), to, clock: systemClock })
  const lines = (colours: Palette): string[] => [
    ...(manifest.keys === 'left_out'
      ? [
          colours.warning(
            'The back-up is without keys. Put sealing.key and admin-key.sha256 back before the first start, or set SWITCHBOARD_SEALING_KEY and SWITCHBOARD_ADMIN_KEY.',
          ),
        ]
      : []),
    `What was erased after ${manifest.taken_at} is there again: erase it again. Keys that were revoked since are valid again.`,
  ]
  await report('restored', to, manifest, { json, ms: context.now() - started }, context, lines)
}

/** The data folder. @throws SwitchboardError when events are not kept in one. */
async function folderOf(flags: SettingFlags, context: Context): Promise<string> {
  const { dataDir, natsUrl } = await configOf(['dataDir', 'natsUrl'], flags, context.env)
  if (natsUrl === undefined) return resolve(context.cwd, dataDir)
  throw new SwitchboardError(
    'invalid_parameter',
    'with SWITCHBOARD_NATS_URL events are in NATS JetStream, and a gateway\'s folder is worth nothing by itself: use the NATS servers\' own "nats account backup" and "nats account restore"',
  )
}

const DONE = { backed_up: 'Backed up to', verified: 'Whole and unaltered:', restored: 'Restored into' } as const

interface Told {
  readonly json: boolean
  readonly ms: number
  readonly leftOut?: readonly string[]
}

async function report(
  what: keyof typeof DONE,
  dir: string,
  manifest: Manifest,
  { json, ms, leftOut }: Told,
  { stdout }: Context,
  lines: (colours: Palette) => readonly string[],
): Promise<void> {
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
  if (json) {
    const { taken_at, keys, channels, events, damage, workspaces } = manifest
    const about = { taken_at, keys, bytes, ms: Math.round(ms), channels, events, damage, workspaces: workspaces.length }
    await stdout.write(`${JSON.stringify({ [what]: { dir, ...about, ...(leftOut && { left_out: leftOut }) } })}\n`)
    return
  }
  const colours = palette(stdout.colour)
  const all = [
    `${colours.good(DONE[what])} ${dir}`,
    `As of ${manifest.taken_at}: ${counted(manifest.events, 'event')} of ${counted(manifest.workspaces.length, 'workspace')}, ${size(bytes)} in ${duration(ms)}; each block and each file read by its checksum.`,
    ...manifest.damage.map(({ detail, workspace_id }) =>
      colours.bad(`Cannot be read: ${detail}${workspace_id === undefined ? '' : ` (workspace ${workspace_id})`}`),
    ),
    ...lines(colours),
  ]
  await stdout.write(`${all.join('\n')}\n`)
}

function keysLine({ keys, files }: Manifest, colours: Palette): string {
  if (keys === 'left_out') {
    return 'It is without keys: keep sealing.key and admin-key.sha256 of the folder elsewhere, or secrets have to be set again.'
  }
  const names = files.filter(({ name }) => name !== 'log.mdb').map(({ name }) => name)
  return names.length === 0
    ? 'There are no keys in the folder.'
    : colours.warning(
        `The keys are in it beside what they open (${names.join(', ')}): keep it as private as the folder.`,
      )
}
