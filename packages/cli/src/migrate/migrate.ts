import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Finding } from '@switchboard/contract/core'
import { failures } from '@switchboard/contract/core'
import { type Progress, systemClock } from '@switchboard/server'
import { migrate } from '@switchboard/server/migrate'
import { findingLines } from '../commands/doctor.js'
import { type Context, say } from '../context.js'
import { configOf, type SettingFlags } from '../parse/setting-options.js'
import { type Palette, palette } from '../render/palette.js'
import { counted } from '../render/text.js'
import { movedJson, movedLines, plannedJson, plannedLines } from './report.js'
import { MIGRATE_SETTINGS } from './settings.js'

export interface Migrate {
  readonly workspaces: readonly string[] | 'all'
  readonly slug: string | undefined
  /** A file for the positions. */
  readonly map: string | undefined
  readonly dryRun: boolean
  readonly startOver: boolean
  readonly skipDamaged: boolean
  readonly json: boolean
  readonly gateway: SettingFlags
}

const CLEAR_LINE = '\r\u001b[2K'
const SHOW_EVERY_MS = 250

/** Moves workspaces. Resolves with the exit status: 0 when both sides are the same. */
export async function runMigrate(job: Migrate, context: Context): Promise<number> {
  const { dryRun, json } = job
  const config = await configOf(MIGRATE_SETTINGS, job.gateway, context.env)
  const colours = palette(context.stdout.colour)
  const line = new ProgressLine(context, json)
  const map = job.map === undefined || dryRun ? undefined : await openMap(resolve(context.cwd, job.map))
  try {
    const { workspaces, adminKeyMoved } = await migrate({
      ...job,
      config,
      clock: systemClock,
      signal: context.signal,
      map: map?.write,
      found: (findings) => void warnOf(findings, context, json),
      progress: (progress) => void line.show(progress),
      planned: (plan) => context.stdout.write(json ? plannedJson(plan) : plannedLines(plan, dryRun, colours)),
    })
    await line.clear()
    for (const moved of workspaces) {
      await context.stdout.write(json ? movedJson(moved) : movedLines(moved, job.map, colours))
    }
    if (dryRun) return 0
    if (!workspaces.every(({ isSame }) => isSame)) return failures.storage_fault.exit
    if (!json) await context.stdout.write(closingLines(adminKeyMoved, config.dataDir, colours))
    return 0
  } catch (error) {
    await line.clear()
    if (context.signal.aborted) await say(context.stderr, 'Stopped. The same command goes on where it was.')
    throw error
  } finally {
    await map?.close()
  }
}

function closingLines(adminKeyMoved: boolean, dir: string, colours: Palette): string {
  const admin = adminKeyMoved
    ? 'The admin key is the same as before.'
    : "The admin key of the cluster stays as it is; this folder's is not valid there."
  return `\n${colours.good('Both sides are the same.')} ${admin}\nDo not serve ${dir} without SWITCHBOARD_NATS_URL again: what is published there would be in the folder alone.\n`
}

async function warnOf(findings: readonly Finding[], context: Context, json: boolean): Promise<void> {
  if (json) return
  const colours = palette(context.stderr.colour)
  for (const finding of findings) {
    if (finding.verdict !== 'ok') await context.stderr.write(findingLines(finding, colours))
  }
}

/** A file that only its owner may read: ids of calls are in it. */
async function openMap(path: string) {
  const file = await open(path, 'w', 0o600)
  await file.chmod(0o600)
  return { write: (lines: string) => file.writeFile(lines), close: () => file.close() }
}

/** How far it is, on one line of a terminal that is kept up to date. */
class ProgressLine {
  private shownAt = 0
  private isShown = false

  constructor(
    private readonly context: Context,
    private readonly json: boolean,
  ) {}

  async show({ step, entries, of }: Progress): Promise<void> {
    const { stderr } = this.context
    const now = this.context.now()
    if (this.json || !stderr.isTTY || now - this.shownAt < SHOW_EVERY_MS) return
    this.shownAt = now
    this.isShown = true
    const text = `${step} ${counted(entries, 'event').replace(/ events?$/, '')} of ${counted(of, 'event')}`
    await stderr.write(`${CLEAR_LINE}${palette(stderr.colour).faint(text)}`)
  }

  async clear(): Promise<void> {
    if (this.isShown) await this.context.stderr.write(CLEAR_LINE)
    this.isShown = false
  }
}
