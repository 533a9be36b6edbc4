import type { DataErasure, LegalHold } from '@switchboard/contract'
import { type Api, createApi, segment } from '../api.js'
import { type Context, say } from '../context.js'
import { CliError } from '../failure.js'
import type { Define } from '../job.js'
import { withExamples } from '../parse/examples.js'
import { targetOf, withTarget } from '../parse/target-options.js'
import { findTarget, keyOf, type TargetOptions } from '../target.js'
import { workspaceId } from '../workspace.js'

interface Raw extends TargetOptions {
  readonly json?: true
  readonly call?: string
  readonly surface?: string
  readonly yes?: true
  readonly reason?: string
}

interface Asked {
  readonly target: TargetOptions
  readonly json: boolean
  readonly subject: { readonly kind: 'calls' | 'surfaces'; readonly id: string }
}
interface Erase extends Asked {
  readonly yes: boolean
}
interface Hold extends Asked {
  readonly reason: string
}

export const defineData: Define = (program, submit) => {
  const group = program
    .command('data')
    .description('erase the personal data of a call or surface, or keep it from being erased')
  withExamples(group, [
    ['switchboard data erase --call CA5f0c… --yes', 'destroys it for good; the events stay, masked'],
    ['switchboard data hold --call CA5f0c… --reason "Case 17"', 'refuses every erasure until it is lifted'],
  ])
  const command = (name: string, words: string) =>
    withTarget(group.command(name).description(words))
      .option('--call <sid>', 'of this call')
      .option('--surface <id>', 'of this surface')
      .option('--json', 'JSON')

  command('erase', 'erase personal data for good: nothing brings it back')
    .option('--yes', 'without this, nothing is erased')
    .action((raw: Raw) => submit('data erase', { ...asked(raw), yes: raw.yes ?? false } satisfies Erase, erase))
  command('hold', 'place a legal hold: erasing is refused while it stands')
    .requiredOption('--reason <text>', 'why, for those who find it; no personal data')
    .action((raw: Raw) => submit('data hold', { ...asked(raw), reason: raw.reason ?? '' } satisfies Hold, hold))
  command('show-hold', 'show the legal hold that stands').action((raw: Raw) =>
    submit('data show-hold', asked(raw), showHold),
  )
  command('lift-hold', 'lift the legal hold').action((raw: Raw) => submit('data lift-hold', asked(raw), liftHold))
}

function asked(raw: Raw): Asked {
  const { call, surface, json = false } = raw
  if ((call === undefined) === (surface === undefined)) {
    throw new CliError('bad_request', 'Say whose data it is.', 'Give --call <sid> or --surface <id>, one of them.')
  }
  const subject =
    call === undefined ? { kind: 'surfaces' as const, id: surface ?? '' } : { kind: 'calls' as const, id: call }
  return { target: targetOf(raw), json, subject }
}

/** The routes of one call or surface. */
async function at({ target, subject }: Asked, context: Context): Promise<{ api: Api; path: string }> {
  const found = await findTarget(target, context)
  const api = createApi(found.url.value, keyOf(found, 'managingKey'), context)
  return { api, path: `/v1/${await workspaceId(found, context)}/${subject.kind}/${segment(subject.id)}` }
}

async function erase(options: Erase, context: Context): Promise<void> {
  if (!options.yes) {
    throw new CliError('bad_request', 'Nothing was erased: it cannot be undone.', 'Add --yes to erase it.')
  }
  const { api, path } = await at(options, context)
  const erased = await api.request<DataErasure>('DELETE', `${path}/data`)
  if (options.json) return say(context.stdout, JSON.stringify(erased))
  const { erased_at: when } = erased
  await say(context.stdout, when === null ? 'There was no personal data to erase.' : `Erased at ${when}.`)
}

async function hold(options: Hold, context: Context): Promise<void> {
  const { api, path } = await at(options, context)
  await showing(options, await api.request<LegalHold>('PUT', `${path}/hold`, { reason: options.reason }), context)
}

async function showHold(options: Asked, context: Context): Promise<void> {
  const { api, path } = await at(options, context)
  await showing(options, await api.request<LegalHold>('GET', `${path}/hold`), context)
}

async function liftHold(options: Asked, context: Context): Promise<void> {
  const { api, path } = await at(options, context)
  await api.request('DELETE', `${path}/hold`)
  if (!options.json) await say(context.stdout, 'The hold is lifted.')
}

async function showing({ json }: Asked, standing: LegalHold, context: Context): Promise<void> {
  const { placed_at, placed_by, reason } = standing
  await say(context.stdout, json ? JSON.stringify(standing) : `Held since ${placed_at} by ${placed_by}: ${reason}`)
}
