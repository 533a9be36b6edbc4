import { Option } from 'commander'
import { openClient, plainEvent } from '../client.js'
import { type Context, say } from '../context.js'
import { CliError, tell } from '../failure.js'
import { findCall } from '../find-call.js'
import type { Define } from '../job.js'
import { withExamples } from '../parse/examples.js'
import { targetOf, withTarget } from '../parse/target-options.js'
import { parseAfter } from '../parse/values.js'
import { Conversation } from '../render/conversation.js'
import { eventJson, gapLine, timeOf } from '../render/event.js'
import { LiveOutput } from '../render/live.js'
import { palette } from '../render/palette.js'
import { findTarget, type TargetOptions } from '../target.js'
import { gapJson, watchConnection } from '../watch.js'

interface Observe {
  readonly target: TargetOptions
  /** A call's id, its beginning, or `latest`. */
  readonly call: string
  readonly history: 'all' | 'none'
  readonly after: string | undefined
  readonly json: boolean
}

interface Raw extends TargetOptions {
  readonly history: 'all' | 'none'
  readonly after?: string
  readonly json?: true
}

/** Width to assume where there is no terminal. */
const COLUMNS_DEFAULT = 100

export const defineObserve: Define = (program, submit) => {
  const command = program
    .command('observe')
    .description('listen to one call: who says what, which tools run; ends with the call')
    .argument('[call_sid]', "the call's id, or the beginning of it; left out: the newest active call", 'latest')
    .addOption(new Option('--history <how>', 'what happened before').choices(['all', 'none']).default('all'))
    .option('--after <position>', 'begin after this event: the "id" of a --json line', parseAfter)
    .option('--json', 'one JSON object a line: {"id","time","call_sid","event"}')
  withExamples(withTarget(command), [
    ['switchboard observe CA5f0c1d2e', 'from its start, then live, until it ends'],
    ['switchboard observe', 'the newest active call'],
    ['switchboard observe CA5f0c1d2e --history none', 'from now on'],
    ['switchboard observe CA5f0c1d2e --json > call.jsonl', 'record, to `replay` later'],
  ])
  command.action((call: string, raw: Raw) =>
    submit(
      'observe',
      {
        target: targetOf(raw),
        call,
        history: raw.history,
        after: raw.after,
        json: raw.json ?? false,
      } satisfies Observe,
      run,
    ),
  )
}

async function run(job: Observe, context: Context): Promise<void> {
  const target = await findTarget(job.target, context)
  const client = await openClient(target, context)
  const callSid = await findCall(job.call, target, context)
  const colours = palette(context.stdout.colour)
  const conversation = new Conversation(colours, context.stdout.columns ?? COLUMNS_DEFAULT)
  const output = new LiveOutput(context.stdout)
  const watch = watchConnection(target.url.value, context)
  const observation = client.calls.observe(callSid, {
    history: job.history,
    ...(job.after === undefined ? {} : { after: job.after }),
    ...watch.options,
    onGap: (gap) =>
      void (job.json ? say(context.stdout, gapJson(gap)) : output.write([gapLine(gap, colours)], undefined)),
  })
  for await (const item of named(observation, callSid)) {
    const event = plainEvent(item.event)
    if (job.json) {
      await say(context.stdout, eventJson({ id: item.id, event }, callSid))
      continue
    }
    const { lines, live } = conversation.show(event, timeOf(item.id) ?? context.now())
    await output.write(lines, live)
  }
  await output.write([], undefined)
  watch.ended()
}

/** The same, except that a call which nobody knows is told by the id that was typed. */
async function* named<Item>(observation: AsyncIterable<Item>, callSid: string): AsyncGenerator<Item> {
  try {
    yield* observation
  } catch (error) {
    if (tell(error).code !== 'call_unknown') throw error
    throw new CliError('call_unknown', `No event has told of a call ${callSid} yet.`)
  }
}
