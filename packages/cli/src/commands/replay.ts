import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Workspace } from '@switchboard/contract'
import { play } from '@switchboard/simulator'
import { createApi } from '../api.js'
import type { Context } from '../context.js'
import { CliError } from '../failure.js'
import type { Define } from '../job.js'
import { readText } from '../parse/event-file.js'
import { withExamples } from '../parse/examples.js'
import { targetOf, withTarget } from '../parse/target-options.js'
import { parseSpeed } from '../parse/values.js'
import { Progress } from '../progress.js'
import { counted, duration } from '../render/text.js'
import { openStage } from '../stage.js'
import { findTarget, keyOf, type Target, type TargetOptions } from '../target.js'
import { workspaceId } from '../workspace.js'

interface Replay {
  readonly target: TargetOptions
  /** A path, or `-` for standard input. */
  readonly file: string
  readonly speed: number
  readonly json: boolean
}

interface Raw extends TargetOptions {
  readonly speed: number
  readonly json?: true
}

export const defineReplay: Define = (program, submit) => {
  const command = program
    .command('replay')
    .description('play a recorded or written timeline into a workspace, with its original timing')
    .argument('<file>', 'lines of `simulate --print`, `tail --json` or `observe --json`; - for standard input')
    .option('--speed <n|max>', 'how many times faster than it happened', parseSpeed, 1)
    .option('--json', 'progress as JSON lines')
    .addHelpText(
      'after',
      `
Each line is one of:
  {"at": 1.5, "ws": {"event_type": "call.started", …}}        1.5 s after the start
  {"at": 2.0, "obs": {"type": "user_transcript", …}}          of the call that opened the file
  {"at": 2.0, "obs": {…}, "call_sid": "CA…"}                  of this call
  {"id": "…", "time": "2026-…Z", "event": {…}}                as recorded
All lines are checked before the first is sent.`,
    )
  withExamples(withTarget(command), [
    ['switchboard replay story.jsonl', 'as it happened'],
    ['switchboard replay story.jsonl --speed 20', 'twenty times faster'],
    [
      'switchboard tail --json --since 1h --count 500 | switchboard replay - --speed max -w staging',
      'copy events to another workspace',
    ],
  ])
  command.action((file: string, raw: Raw) =>
    submit('replay', { target: targetOf(raw), file, speed: raw.speed, json: raw.json ?? false } satisfies Replay, run),
  )
}

async function run(job: Replay, context: Context): Promise<void> {
  const text = job.file === '-' ? await readText(context.stdin) : await readFile(resolve(context.cwd, job.file), 'utf8')
  const target = await findTarget(job.target, context)
  // Loaded now that it is needed: it comes with every schema.
  const { parseTimeline } = await import('../parse/timeline-file.js')
  const items = parseTimeline(text, await extraFields(target, context))
  const progress = new Progress(context, job.json)
  const stage = await openStage(target, context, (trouble) => progress.trouble(trouble))
  const length = ((items.at(-1)?.at ?? 0) * 1000) / job.speed
  await progress.note(`${counted(items.length, 'event')}${length >= 1000 ? `, about ${duration(length)}` : ''}`)
  await progress.start({ events: items.length })
  await play(items, stage, {
    speed: job.speed,
    now: context.now,
    sleep: context.sleep,
    signal: context.signal,
    onPlayed: (played) => progress.played(played),
  })
  await progress.end((events) => `${counted(events, 'event')} published.`)
  // Stopped before its end: a script that goes on with half a file should know.
  context.signal.throwIfAborted()
}

/** What the workspace does with unknown fields; a key that may only publish is not told, and gets the strict check. */
async function extraFields(target: Target, context: Context): Promise<Workspace['extra_fields']> {
  const api = createApi(target.url.value, keyOf(target), context)
  try {
    return (await api.request<Workspace>('GET', `/v1/${await workspaceId(target, context)}`)).extra_fields
  } catch (error) {
    if (error instanceof CliError && error.code === 'forbidden') return 'refuse'
    throw error
  }
}
