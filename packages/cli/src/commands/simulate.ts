import { play, type SimulatorOptions, simulate, type TimelineItem, Unfinished } from '@switchboard/simulator'
import { commandName } from '../command-name.js'
import { type Context, say } from '../context.js'
import type { Define } from '../job.js'
import { parseDuration } from '../parse/duration.js'
import { withExamples } from '../parse/examples.js'
import { targetOf, withTarget } from '../parse/target-options.js'
import { numberUpTo, parseSpeed, wholeNumber } from '../parse/values.js'
import { Progress } from '../progress.js'
import { palette } from '../render/palette.js'
import { counted } from '../render/text.js'

import { openStage } from '../stage.js'
import { findTarget, type TargetOptions } from '../target.js'

interface Simulate {
  readonly target: TargetOptions
  readonly callsPerMinute: number
  /** Undefined: a new one for every run. */
  readonly seed: number | undefined
  /** Milliseconds of the story; undefined: until it is stopped. */
  readonly durationMs: number | undefined
  readonly speed: number
  /** Write the timeline to standard output, and send nothing. */
  readonly print: boolean
  readonly json: boolean
}

/** Far more than one process of a server is made for. */
const CALLS_PER_MINUTE_MAX = 6000
const SEED_MAX = 999_999_999
/** A run as fast as possible has to end by itself. */
const UNBOUNDED_AT_MAX_SPEED_MS = 600_000

interface Raw extends TargetOptions {
  readonly callsPerMinute: number
  readonly seed?: number
  readonly duration?: number
  readonly speed: number
  readonly print?: true
  readonly json?: true
}

export const defineSimulate: Define = (program, submit) => {
  const command = program
    .command('simulate')
    .description('fill a workspace with made-up life: calls, surfaces, operators, data sources')
    .option('--calls-per-minute <n>', 'how many calls start in a minute', numberUpTo(CALLS_PER_MINUTE_MAX), 12)
    .option(
      '--seed <n>',
      'the same seed tells the same story, ids included (default: a new one)',
      wholeNumber(0, SEED_MAX),
    )
    .option(
      '--duration <duration>',
      'when calls stop coming; those under way are finished (default: when you stop it)',
      parseDuration,
    )
    .option('--speed <n|max>', 'how many times faster than life', parseSpeed, 1)
    .option('--print', 'write the timeline as lines for `replay`, and send nothing')
    .option('--json', 'progress as JSON lines')
  withExamples(withTarget(command), [
    ['switchboard simulate', '12 calls a minute until Ctrl-C, which hangs up open calls'],
    ['switchboard simulate --calls-per-minute 60 --speed 5', 'a large workspace in a hurry'],
    ['switchboard simulate --seed 7 --duration 10m --speed max', 'ten minutes of history at once'],
    ['switchboard simulate --seed 7 --duration 2m --print > story.jsonl', 'a file to edit and `replay`'],
  ])
  command.action((raw: Raw) =>
    submit(
      'simulate',
      {
        target: targetOf(raw),
        callsPerMinute: raw.callsPerMinute,
        seed: raw.seed,
        durationMs: raw.duration,
        speed: raw.speed,
        print: raw.print ?? false,
        json: raw.json ?? false,
      } satisfies Simulate,
      run,
    ),
  )
}

async function run(job: Simulate, context: Context): Promise<void> {
  const seed = job.seed ?? Math.floor(context.now() % SEED_MAX)
  const endless =
    job.speed === Number.POSITIVE_INFINITY || job.print ? UNBOUNDED_AT_MAX_SPEED_MS : Number.POSITIVE_INFINITY
  const durationMs = job.durationMs ?? endless
  const options: SimulatorOptions = {
    callsPerMinute: job.callsPerMinute,
    durationSeconds: durationMs / 1000,
    // A printed story is the same whenever it is printed.
    startMs: job.print ? PRINTED_START_MS : context.now(),
    speed: job.speed,
  }
  if (job.print) return print(simulate(seed, options), context)
  await playSimulation(job, seed, options, context)
}

const PRINTED_START_MS = Date.UTC(2026, 0, 5, 9)

async function print(items: Iterable<TimelineItem>, context: Context): Promise<void> {
  for (const item of items) {
    if (context.signal.aborted) return
    await say(context.stdout, JSON.stringify(item))
  }
}

async function playSimulation(job: Simulate, seed: number, options: SimulatorOptions, context: Context): Promise<void> {
  const colours = palette(context.stderr.colour)
  const progress = new Progress(context, job.json)
  const stage = await openStage(await findTarget(job.target, context), context, (trouble) => progress.trouble(trouble))
  const unfinished = new Unfinished()
  let last = 0
  if (!job.json) {
    const speed = job.speed === Number.POSITIVE_INFINITY ? 'as fast as it goes' : `${job.speed}× the speed of life`
    await say(
      context.stderr,
      `${job.callsPerMinute} calls a minute, ${speed}; seed ${colours.strong(String(seed))} ${colours.faint('(--seed repeats it)')}`,
    )
    await say(context.stderr, colours.faint(`Watch with: ${commandName(context.env)} tail`))
  }
  await progress.start({ seed, calls_per_minute: job.callsPerMinute })
  await play(simulate(seed, options), stage, {
    speed: job.speed,
    now: context.now,
    sleep: context.sleep,
    signal: context.signal,
    onPlayed(items) {
      for (const item of items) {
        unfinished.take(item)
        last = Math.max(last, item.at)
      }
      progress.played(items)
    },
  })
  const rest = unfinished.endAt(last)
  if (rest.length > 0) {
    if (!job.json) await progress.note('Hanging up open calls …')
    await play(
      rest.map((item) => ({ ...item, at: 0 })),
      stage.lastWords(),
      {
        speed: 1,
        now: context.now,
        sleep: context.sleep,
        signal: new AbortController().signal,
        onPlayed: (items) => progress.played(items),
      },
    )
  }
  await progress.end((events, calls) => `${counted(events, 'event')} of ${counted(calls, 'call')} published.`)
}
