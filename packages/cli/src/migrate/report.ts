import { formatPosition } from '@switchboard/contract/core'
import type { Comparison, Moved, Planned } from '@switchboard/server'
import { nameOf } from '@switchboard/server/migrate'
import type { Palette } from '../render/palette.js'
import { table } from '../render/table.js'
import { counted } from '../render/text.js'

/** Channels that a person gets to see; programs and the map get all. */
const CHANNELS_SHOWN = 20

const STANDINGS = {
  new: 'not at the target yet',
  unfinished: 'an earlier run was broken off: it goes on from there',
  complete: 'moved before: only the note of it is left to be taken away',
} as const

/** What a workspace has, before it is moved. */
export function plannedLines(plan: Planned, dryRun: boolean, colours: Palette): string {
  const { workspace, slug, standing, channels } = plan
  const calls = channels.filter(({ channel }) => channel.call !== undefined)
  const own = channels.find(({ channel }) => channel.call === undefined)
  const there = standing === undefined ? 'the target was not asked' : STANDINGS[standing]
  const renamed = slug === workspace.slug ? '' : `, there as ${slug}`
  const range = own ? `, ${formatPosition(own.first)} to ${formatPosition(own.last)}` : ''
  return [
    `${colours.strong(workspace.slug)}  ${workspace.id}${renamed}  ${colours.faint(`(${there})`)}`,
    `  ${dryRun ? 'would move' : 'moving'} ${counted(own?.entries ?? 0, 'event')} of the workspace${range}`,
    `  ${counted(sum(calls), 'event')} of ${counted(calls.length, 'call')}`,
    `  ${belongings(plan)}`,
    ...(plan.damage.length === 0
      ? []
      : [colours.bad(`  ${counted(lost(plan), 'event')} that cannot be read are left out`)]),
    '',
  ].join('\n')
}

export function plannedJson(plan: Planned): string {
  const { workspace, slug, standing, channels, records, apiKeys, secrets, idempotencyKeys } = plan
  const planned = {
    workspace_id: workspace.id,
    workspace_slug: slug,
    standing: standing ?? null,
    channels: channels.length,
    events: sum(channels),
    lost: lost(plan),
    records,
    api_keys: apiKeys,
    secrets,
    idempotency_keys: idempotencyKeys,
  }
  return `${JSON.stringify({ planned })}\n`
}

/** What became of it: where each channel began and ended, before and now. */
export function movedLines(moved: Moved, map: string | undefined, colours: Palette): string {
  const { plan, slug, channels, secrets, isSame, recordsDiffering } = moved
  const rows = channels.slice(0, CHANNELS_SHOWN).map(row)
  const hidden = channels.length - rows.length
  const aged = channels.reduce((total, each) => total + each.aged, 0)
  const different = channels.filter((each) => !each.isSame)
  const problems = [
    ...different.map(
      (each) => `${nameOf(each.channel)}: ${each.entries[0]} events here, ${each.entries[1]} there, or not the same`,
    ),
    ...(recordsDiffering > 0 ? [`${counted(recordsDiffering, 'record')} of its state differ`] : []),
  ]
  return [
    '',
    `${colours.strong(slug)}  ${plan.workspace.id}`,
    ...(rows.length === 0 ? [] : table(['CHANNEL', 'EVENTS', 'BEFORE', 'NOW'], rows, colours)),
    ...(hidden > 0
      ? [colours.faint(`… and ${counted(hidden, 'channel')} more${map === undefined ? ': --map has all of them' : ''}`)]
      : []),
    belongings(plan),
    ...(aged > 0 ? [`${counted(aged, 'event')} have gone from the target by age since`] : []),
    ...secrets.closed.map((name) =>
      colours.warning(`The secret ${name} cannot be opened with the folder's sealing key: set it again`),
    ),
    ...(isSame ? [] : problems.map((problem) => colours.bad(problem))),
    ...(isSame ? [] : ['The workspace is not served at the target. Run it again with --start-over.']),
    '',
  ].join('\n')
}

export function movedJson({ plan, slug, channels, secrets, isSame, recordsDiffering, idempotencyKeys }: Moved): string {
  const lines: object[] = channels.map((each) => ({
    channel: {
      workspace_id: each.channel.workspace,
      ...(each.channel.call !== undefined && { call_sid: each.channel.call }),
      events: each.entries[1],
      sha256: each.digests[1],
      is_same: each.isSame,
      ...(each.first && { first: each.first.map(formatPosition) }),
      ...(each.last && { last: each.last.map(formatPosition) }),
    },
  }))
  lines.push({
    moved: {
      workspace_id: plan.workspace.id,
      workspace_slug: slug,
      is_same: isSame,
      events: channels.reduce((total, { entries }) => total + entries[1], 0),
      records: plan.records,
      records_differing: recordsDiffering,
      api_keys: plan.apiKeys,
      secrets: secrets.moved,
      secrets_closed: secrets.closed,
      idempotency_keys: idempotencyKeys,
    },
  })
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

function row({ channel, entries, first, last }: Comparison): readonly string[] {
  const range = (side: 0 | 1): string =>
    first && last ? `${formatPosition(first[side])} to ${formatPosition(last[side])}` : ''
  return [channel.call ?? 'workspace', String(entries[1]), range(0), range(1)]
}

function belongings({ records, apiKeys, secrets, idempotencyKeys }: Planned | Moved['plan']): string {
  return [
    `${counted(records, 'record')} of state`,
    counted(apiKeys, 'API key'),
    counted(secrets, 'secret'),
    counted(idempotencyKeys, 'idempotency key'),
  ].join(', ')
}

function sum(channels: readonly { readonly entries: number }[]): number {
  return channels.reduce((total, { entries }) => total + entries, 0)
}

function lost({ damage }: Pick<Planned, 'damage'>): number {
  return damage.reduce((total, { from, to }) => total + to - from + 1, 0)
}
