import { openClient, plainEvent } from '../client.js'
import { type Context, say } from '../context.js'
import type { Define } from '../job.js'
import { parseSince } from '../parse/duration.js'
import { withExamples } from '../parse/examples.js'
import { targetOf, withTarget } from '../parse/target-options.js'
import { parseAfter, parseList, wholeNumber } from '../parse/values.js'
import { eventJson, eventLine, gapLine } from '../render/event.js'
import { palette } from '../render/palette.js'
import { clean, shortId } from '../render/text.js'
import { findTarget, type TargetOptions } from '../target.js'
import { gapJson, watchConnection } from '../watch.js'

interface Tail {
  readonly target: TargetOptions
  readonly filter: {
    readonly types: readonly string[]
    readonly callSid: readonly string[]
    readonly surfaceId: readonly string[]
    readonly entityId: readonly string[]
    readonly operatorId: readonly string[]
    readonly dataSourceId: readonly string[]
  }
  /** Where to begin: at most one of the two; neither: now. */
  readonly since: string | undefined
  readonly after: string | undefined
  /** End after this many events. */
  readonly count: number | undefined
  readonly json: boolean
}

interface Raw extends TargetOptions {
  readonly types?: readonly string[]
  readonly callSid?: readonly string[]
  readonly surfaceId?: readonly string[]
  readonly entityId?: readonly string[]
  readonly operatorId?: readonly string[]
  readonly dataSourceId?: readonly string[]
  readonly since?: string
  readonly after?: string
  readonly count?: number
  readonly json?: true
}

const COUNT_MAX = 1_000_000_000

export const defineTail: Define = (program, submit) => {
  const command = program
    .command('tail')
    .description('watch the events of a workspace as they happen')
    .option('-t, --types <types>', 'only these, such as call.*,operator.joined_call', parseList)
    .option('--call-sid <ids>', 'only events of these calls', parseList)
    .option('--surface-id <ids>', 'only events of these surfaces', parseList)
    .option('--entity-id <ids>', 'only events about these entities', parseList)
    .option('--operator-id <ids>', 'only events of these operators', parseList)
    .option('--data-source-id <ids>', 'only events of these data sources', parseList)
    .option('--since <when>', 'begin in the past: 15m, 2h, or 2026-01-31T09:00:00Z', parseSince)
    .option('--after <position>', 'begin after this event: the "id" of a --json line', parseAfter)
    .option('-n, --count <n>', 'end after this many events', wholeNumber(1, COUNT_MAX))
    .option('--json', 'one JSON object a line: {"id","time","event"}')
  withExamples(withTarget(command), [
    ['switchboard tail', 'everything, from now on'],
    ["switchboard tail --types 'call.*' --since 1h", 'calls, from an hour ago on'],
    ['switchboard tail --json > story.jsonl', 'record, to `replay` later'],
    ['switchboard tail --json --after "$POSITION" | ./worker', 'go on where the worker stopped'],
    ['switchboard tail --types call.escalated --count 1', 'wait for the next escalation, in a script'],
  ])
  command.addHelpText(
    'after',
    '\nA lost connection is made again by itself, without a gap. Names in one option are\nalternatives; options narrow each other down.',
  )
  command.action((raw: Raw) => {
    if (raw.since !== undefined && raw.after !== undefined) {
      command.error("error: option '--since <when>' cannot be used with option '--after <position>'", { exitCode: 1 })
    }
    const filter = {
      types: raw.types ?? [],
      callSid: raw.callSid ?? [],
      surfaceId: raw.surfaceId ?? [],
      entityId: raw.entityId ?? [],
      operatorId: raw.operatorId ?? [],
      dataSourceId: raw.dataSourceId ?? [],
    }
    const { since, after, count, json = false } = raw
    submit('tail', { target: targetOf(raw), filter, since, after, count, json } satisfies Tail, run)
  })
}

async function run(job: Tail, context: Context): Promise<void> {
  const target = await findTarget(job.target, context)
  const client = await openClient(target, context)
  const colours = palette(context.stdout.colour)
  const ids = context.stdout.isTTY ? shortId : clean
  const name = target.held.workspace_id === target.workspace?.value ? target.held.workspace_slug : undefined
  const watching = `watching ${name ?? target.workspace?.value} at ${target.url.value} (Ctrl-C ends it)`
  const watch = watchConnection(target.url.value, context, context.stdout.isTTY ? watching : undefined)
  const stream = client.events.stream({
    ...job.filter,
    ...(job.since === undefined ? {} : { after: { since: job.since } }),
    ...(job.after === undefined ? {} : { after: job.after }),
    ...watch.options,
    onGap: (gap) => void say(context.stdout, job.json ? gapJson(gap) : gapLine(gap, colours)),
  })
  let left = job.count ?? Number.POSITIVE_INFINITY
  for await (const item of stream) {
    const placed = { id: item.id, event: plainEvent(item.event) }
    await say(context.stdout, job.json ? eventJson(placed) : eventLine(placed, colours, ids))
    if (--left === 0) return
  }
  watch.ended()
}
