import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Catalogue, ChannelKind, EventType, JsonObject } from '@switchboard/contract'
import { limits } from '@switchboard/contract/core'
import { openClient, publishEvents } from '../client.js'
import { type Context, say } from '../context.js'
import { CliError } from '../failure.js'
import type { Define } from '../job.js'
import { parseEvents, readText } from '../parse/event-file.js'
import { withExamples } from '../parse/examples.js'
import { eventFromFields, splitField, type TypedField } from '../parse/fields.js'
import { targetOf, withTarget } from '../parse/target-options.js'
import { palette } from '../render/palette.js'
import { clean, counted } from '../render/text.js'
import { findTarget, type TargetOptions } from '../target.js'

interface Publish {
  readonly target: TargetOptions
  /** The call to publish to; undefined: the workspace stream. */
  readonly call: string | undefined
  readonly source:
    | { readonly kind: 'fields'; readonly type: string; readonly fields: readonly TypedField[] }
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'example'; readonly type: string; readonly fields: readonly TypedField[] }
  readonly idempotencyKey: string | undefined
  /** Print what would be sent, and send nothing. */
  readonly print: boolean
  readonly json: boolean
}

interface Raw extends TargetOptions {
  readonly call?: string
  readonly file?: string
  readonly example?: string | true
  readonly idempotencyKey?: string
  readonly print?: true
  readonly json?: true
}

export const definePublish: Define = (program, submit) => {
  const command = program
    .command('publish')
    .description('publish events to the workspace, or to one call')
    .argument('[type]', 'event type, such as call.started; or - to read events from standard input')
    .argument('[fields...]', 'name=value, typed as the catalogue says; name:=json for anything else')
    .option('--call <call_sid>', "publish to this call's observers instead of the workspace stream")
    .option('-f, --file <path>', 'read events from a file: JSON, a JSON list, or one object a line')
    .option('--example [type]', "publish the catalogue's example of the type, with the fields given here on top")
    .option('--print', 'show what would be published, and send nothing')
    .option('--idempotency-key <key>', 'stored once, however often this is repeated within 24 hours')
    .option('--json', 'JSON')
  withExamples(withTarget(command), [
    [
      'switchboard publish pipeline.sync_completed data_source_id=ehr event_count=12 duration_ms=900',
      'three typed fields',
    ],
    [
      'switchboard publish operator.profile_updated operator_id=op-1 changes:=\'{"name":"Desk 1"}\'',
      'a field that is an object',
    ],
    ['switchboard publish --call CA5f0c1d2e agent_transcript transcript="One moment."', 'to the observers of a call'],
    ['switchboard publish --example surface.created --print', 'see what an event looks like'],
    ['switchboard publish - < events.ndjson', 'many, one object a line'],
  ])
  command.action((type: string | undefined, fields: readonly string[], raw: Raw) =>
    submit(
      'publish',
      {
        target: targetOf(raw),
        call: raw.call,
        source: sourceOf(type, fields, raw),
        idempotencyKey: raw.idempotencyKey,
        print: raw.print ?? false,
        json: raw.json ?? false,
      } satisfies Publish,
      run,
    ),
  )
}

function sourceOf(type: string | undefined, fields: readonly string[], raw: Raw): Publish['source'] {
  const path = raw.file ?? (type === '-' ? '-' : undefined)
  if (path !== undefined) {
    if ((type !== undefined && type !== '-') || fields.length > 0 || raw.example) {
      throw new CliError('bad_request', 'Events come from a file or from the command line, not from both.')
    }
    return { kind: 'file', path }
  }
  const { example } = raw
  // `--example surface.created channel=sms` and `surface.created --example channel=sms` say the same.
  const [name, ...rest] = [
    ...(typeof example === 'string' && !example.includes('=') ? [example] : []),
    ...(type === undefined ? [] : [type]),
    ...(typeof example === 'string' && example.includes('=') ? [example] : []),
    ...fields,
  ]
  if (name === undefined) {
    throw new CliError(
      'bad_request',
      'What should be published?',
      'Give an event type and its fields, or --file, or - for standard input; --help has examples.',
    )
  }
  return { kind: example === undefined ? 'fields' : 'example', type: name, fields: rest.map(splitField) }
}

async function run(job: Publish, context: Context): Promise<void> {
  const kind: ChannelKind = job.call === undefined ? 'workspace' : 'observer'
  const events = await eventsOf(job, kind, context)
  if (job.print) {
    for (const event of events)
      await say(context.stdout, job.json ? JSON.stringify(event) : JSON.stringify(event, null, 2))
    return
  }
  const client = await openClient(await findTarget(job.target, context), context)
  const ids: string[] = []
  let replayed = false
  for (let from = 0; from < events.length; from += limits.batchEventsMax) {
    const batch = events.slice(from, from + limits.batchEventsMax)
    const options = {
      signal: context.signal,
      ...(job.idempotencyKey === undefined
        ? {}
        : { idempotencyKey: keyOfBatch(job.idempotencyKey, from, events.length) }),
    }
    const answer = await publishEvents(client, job.call, batch, options).catch((error: unknown) => {
      throw from === 0 ? error : partly(error, from)
    })
    ids.push(...answer.ids)
    replayed ||= answer.replayed
  }
  if (job.json) return say(context.stdout, JSON.stringify({ ids, ...(replayed ? { replayed } : {}) }))
  const colours = palette(context.stderr.colour)
  for (const id of ids) await say(context.stdout, id)
  const note = replayed ? ' (stored before, under the same idempotency key)' : ''
  await say(context.stderr, colours.good(`${counted(ids.length, 'event')} published${note}`))
}

/** Every batch is a request of its own, and so needs a key of its own. */
function keyOfBatch(key: string, from: number, total: number): string {
  return total <= limits.batchEventsMax ? key : `${key}-${from / limits.batchEventsMax}`
}

function partly(error: unknown, sent: number): unknown {
  if (error instanceof Error) error.message = `${error.message} (${counted(sent, 'event')} before were published)`
  return error
}

async function eventsOf(
  { source, call }: Publish,
  kind: ChannelKind,
  context: Context,
): Promise<readonly JsonObject[]> {
  if (source.kind === 'file') {
    const text =
      source.path === '-' ? await readText(context.stdin) : await readFile(resolve(context.cwd, source.path), 'utf8')
    return parseEvents(text)
  }
  // Loaded now that it is needed: it comes with every schema.
  const { builtinCatalogue, discriminators } = await import('@switchboard/contract')
  const type = typeOf(builtinCatalogue, source.type, kind)
  if (source.kind === 'fields') return [eventFromFields(type, discriminators[kind], source.fields)]
  const own = call !== undefined && 'call_sid' in type.fields ? { call_sid: call } : {}
  return [{ ...type.example, ...own, ...eventFromFields(type, discriminators[kind], source.fields) }]
}

/** A type of the catalogue; one that is far from all of them is taken for the deployment's own, without known fields. */
function typeOf(catalogue: Catalogue, name: string, kind: ChannelKind): EventType {
  const type = catalogue.get(kind, name)
  if (type !== undefined) return type
  const other = kind === 'workspace' ? 'observer' : 'workspace'
  if (catalogue.get(other, name) !== undefined) {
    const hint = kind === 'workspace' ? 'Say which call with --call <call_sid>.' : 'Leave --call out.'
    throw new CliError(
      'unknown_event_type',
      `${name} is an event of ${kind === 'workspace' ? 'a call' : 'the workspace stream'}.`,
      hint,
    )
  }
  const nearest = catalogue.nearest(kind, name)
  if (nearest !== undefined)
    throw new CliError('unknown_event_type', `There is no event type ${clean(name)}.`, `Did you mean ${nearest}?`)
  return { ...UNKNOWN, type: name, channel: kind }
}

const UNKNOWN: EventType = {
  channel: 'workspace',
  type: '',
  title: '',
  meaning: '',
  fields: {},
  example: {},
  schemaName: '',
  family: '',
  custom: true,
  delivered: {},
  accepted: {},
}
