import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { AuditList, AuditRecord } from '@switchboard/contract'
import { auditActionNames, limits } from '@switchboard/contract/core'
import { InvalidArgumentError, Option } from 'commander'
import { createApi } from '../api.js'
import { verify } from '../audit/verify.js'
import { type Context, say } from '../context.js'
import type { Define } from '../job.js'
import { parseSince } from '../parse/duration.js'
import { withExamples } from '../parse/examples.js'
import { targetOf, withTarget } from '../parse/target-options.js'
import { parseList, wholeNumber } from '../parse/values.js'
import { palette } from '../render/palette.js'
import { table } from '../render/table.js'
import { counted } from '../render/text.js'
import { findTarget, keyOf, type TargetOptions } from '../target.js'
import { workspaceId } from '../workspace.js'

/** Exit status for a trail that does not verify: no failure of the command. */
const BROKEN = 1
const COUNT_DEFAULT = 50
const COUNT_MAX = 1_000_000

interface Listing {
  readonly target: TargetOptions
  readonly json: boolean
  readonly filter: URLSearchParams
  /** The newest so many; undefined: all. */
  readonly count: number | undefined
}

interface Verifying {
  readonly target: TargetOptions
  readonly json: boolean
  /** A path, or `-` for standard input; undefined: the server's. */
  readonly file: string | undefined
  readonly from: string | undefined
  readonly head: string | undefined
}

interface Raw extends TargetOptions {
  readonly json?: true
  readonly actor?: string
  readonly action?: readonly string[]
  readonly call?: string
  readonly since?: string
  readonly count?: number
  readonly all?: true
  readonly file?: string
  readonly from?: string
  readonly head?: string
}

export const defineAudit: Define = (program, submit) => {
  const group = program.command('audit').description('show and verify who watched, read and changed what')
  withExamples(group, [
    ['switchboard audit list', 'the newest records, the last one at the end'],
    ['switchboard audit list --call CA5f0c1d2e --action observer.opened', 'who watched this call'],
    ['switchboard audit list --all --json > audit.ndjson', 'an export that anybody can verify'],
    ['switchboard audit verify', 'recompute the chain that the server has'],
    ['switchboard audit verify --file audit.ndjson --head <hash>', 'an export, and that nothing was taken off its end'],
  ])
  const common = (raw: Raw) => ({ target: targetOf(raw), json: raw.json ?? false })

  withTarget(group.command('list').description('show records'))
    .option('--actor <id>', 'only what this key or access token did; admin for the admin key')
    .option('--action <names>', 'only these, separated by commas', parseActions)
    .option('--call <call_sid>', 'only what was done to this call')
    .option('--since <when>', 'begin in the past: 15m, 2h, or 2026-01-31T09:00:00Z', parseSince)
    .option('-n, --count <n>', `the newest so many (default: ${COUNT_DEFAULT})`, wholeNumber(1, COUNT_MAX))
    .addOption(new Option('--all', 'all of them, the oldest first').conflicts('count'))
    .option('--json', 'one JSON object a line, as it was hashed')
    .action((raw: Raw) => {
      const filter = new URLSearchParams()
      if (raw.actor !== undefined) filter.set('actor', raw.actor)
      if (raw.call !== undefined) filter.set('call_sid', raw.call)
      if (raw.since !== undefined) filter.set('since', raw.since)
      for (const action of raw.action ?? []) filter.append('action', action)
      const count = raw.all ? undefined : (raw.count ?? COUNT_DEFAULT)
      submit('audit list', { ...common(raw), filter, count } satisfies Listing, list)
    })

  withTarget(group.command('verify').description('recompute the chain of hashes; exits with 1 when it is broken'))
    .option('--file <file>', 'lines of `audit list --all --json` instead of a server; - for standard input')
    .option('--from <hash>', 'begin behind the record that has this hash', parseHash)
    .option('--head <hash>', 'a hash that was noted earlier: its record has to be there still', parseHash)
    .option('--json', 'JSON')
    .action((raw: Raw) => {
      const { file, from, head } = raw
      submit('audit verify', { ...common(raw), file, from, head } satisfies Verifying, check)
    })
}

function parseActions(text: string): readonly string[] {
  const names = parseList(text)
  const unknown = names.find((name) => !auditActionNames.some((known) => known === name))
  if (unknown === undefined) return names
  throw new InvalidArgumentError(`There is no action ${unknown}. There are: ${auditActionNames.join(', ')}.`)
}

function parseHash(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text
  throw new InvalidArgumentError('Give a hash: 64 digits and letters from a to f.')
}

/** Records of the server's trail, page by page as they are read. */
async function* records(
  options: TargetOptions,
  filter: URLSearchParams,
  order: 'oldest' | 'newest',
  context: Context,
): AsyncGenerator<AuditRecord, void, void> {
  const target = await findTarget(options, context)
  const api = createApi(target.url.value, keyOf(target, 'managingKey'), context)
  const path = `/v1/${await workspaceId(target, context)}/audit`
  const query = new URLSearchParams(filter)
  query.set('order', order)
  query.set('limit', String(limits.historyPageMax))
  for (;;) {
    const page = await api.request<AuditList>('GET', `${path}?${query}`)
    yield* page.items
    if (!page.has_more || page.continuation_token === null) return
    query.set('continuation_token', page.continuation_token)
  }
}

async function list({ target, json, filter, count }: Listing, context: Context): Promise<void> {
  if (count === undefined && json) {
    for await (const record of records(target, filter, 'oldest', context))
      await say(context.stdout, JSON.stringify(record))
    return
  }
  const shown: AuditRecord[] = []
  for await (const record of records(target, filter, count === undefined ? 'oldest' : 'newest', context)) {
    shown.push(record)
    if (shown.length === count) break
  }
  if (count !== undefined) shown.reverse()
  if (json) {
    for (const record of shown) await say(context.stdout, JSON.stringify(record))
    return
  }
  const rows = shown.map((record) => [
    String(record.sequence),
    record.time.slice(0, 19).replace('T', ' '),
    actorText(record),
    record.action,
    record.target.kind === 'workspace' ? 'workspace' : `${record.target.kind} ${record.target.id}`,
    record.personal_data === 'none' ? '' : record.personal_data,
    record.address ?? '',
    detailText(record),
  ])
  const colours = palette(context.stdout.colour)
  const headings = ['NO', 'TIME (UTC)', 'WHO', 'DID', 'TO', 'DATA', 'FROM', 'MORE']
  for (const line of table(headings, rows, colours)) await say(context.stdout, line)
}

function actorText({ actor }: AuditRecord): string {
  if (actor.key_id === null) return 'the server'
  return actor.token_id === null ? actor.key_id : `${actor.key_id} by token`
}

/** The details that a person asks for first. */
function detailText({ details }: AuditRecord): string {
  const { reason, duration_ms: ms, delivered, from, count } = details
  return [
    ...(reason === undefined ? [] : [String(reason)]),
    ...(typeof ms === 'number' ? [`${(ms / 1000).toFixed(1)} s`] : []),
    ...(typeof delivered === 'number' ? [counted(delivered, 'event')] : []),
    ...(from === undefined ? [] : [`from ${String(from)}`]),
    ...(typeof count === 'number' && count > 1 ? [counted(count, 'time')] : []),
  ].join(', ')
}

async function check({ target, json, file, from, head }: Verifying, context: Context): Promise<number> {
  const lines =
    file === undefined ? texts(records(target, new URLSearchParams(), 'oldest', context)) : linesOf(file, context)
  const verdict = await verify(lines, { from, head })
  const colours = palette(context.stdout.colour)
  if (json) await say(context.stdout, JSON.stringify(verdict))
  else if (verdict.kind === 'broken') {
    const which = verdict.at === undefined ? `line ${verdict.line}` : `record ${verdict.at}`
    await say(context.stdout, `${colours.bad('BROKEN')} at ${which}: ${verdict.why}.`)
  } else if (verdict.kind === 'empty') await say(context.stdout, `${colours.good('OK')}: there are no records yet.`)
  else {
    const { count, first, last } = verdict
    await say(context.stdout, `${colours.good('OK')}: ${counted(count, 'record')}, each linked to the one before it.`)
    await say(context.stdout, `first  ${first.sequence}  ${first.hash}`)
    await say(context.stdout, `last   ${last.sequence}  ${last.hash}`)
    if (head === undefined)
      await say(context.stderr, colours.faint('Note the last hash elsewhere: --head finds what is taken off the end.'))
  }
  return verdict.kind === 'broken' ? BROKEN : 0
}

async function* texts(all: AsyncIterable<AuditRecord>): AsyncGenerator<string, void, void> {
  for await (const record of all) yield JSON.stringify(record)
}

/** Lines of a file, which may be larger than memory. */
async function* linesOf(file: string, context: Context): AsyncGenerator<string, void, void> {
  const input = file === '-' ? Readable.from(context.stdin) : createReadStream(resolve(context.cwd, file))
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) if (line !== '') yield line
}
