import type { CreateWorkspace, Workspace } from '@switchboard/contract'
import { limits } from '@switchboard/contract/core'
import { InvalidArgumentError } from 'commander'
import { createApi } from '../api.js'
import { commandName } from '../command-name.js'
import { type Context, say } from '../context.js'
import { credentialsPath, saveCredentials } from '../credentials.js'
import type { Define } from '../job.js'
import { withExamples } from '../parse/examples.js'
import { targetOf, withTarget } from '../parse/target-options.js'
import { palette } from '../render/palette.js'
import { table } from '../render/table.js'
import { findTarget, keyOf, type TargetOptions } from '../target.js'

interface ListWorkspaces {
  readonly target: TargetOptions
  readonly json: boolean
}

interface CreateWorkspaceJob extends ListWorkspaces {
  readonly name: string
  readonly slug: string
  readonly extraFields: 'refuse' | 'pass'
  /** Make it the workspace that commands use when none is named. */
  readonly use: boolean
}

interface Raw extends TargetOptions {
  readonly json?: true
  readonly slug?: string
  readonly allowExtraFields?: true
  readonly use?: true
}

export const defineWorkspaces: Define = (program, submit) => {
  const group = program.command('workspaces').description('list and create workspaces (needs the admin key)')
  withExamples(group, [
    ['switchboard workspaces list', 'every workspace of the server'],
    ['switchboard workspaces create "Harbor Clinic"', 'its slug becomes harbor-clinic'],
  ])

  withTarget(group.command('list').description('list workspaces'))
    .option('--json', 'one JSON object a line')
    .action((raw: Raw) => submit('workspaces list', { target: targetOf(raw), json: raw.json ?? false }, list))

  withTarget(group.command('create').description('create a workspace'))
    .argument('<name>', 'what people call it')
    .option('--slug <slug>', 'short name: lower-case letters, digits, hyphens (default: made from the name)', parseSlug)
    .option('--allow-extra-fields', 'let event fields pass that the catalogue does not know')
    .option('--use', 'commands go to this workspace from now on')
    .option('--json', 'JSON')
    .action((name: string, raw: Raw) =>
      submit(
        'workspaces create',
        {
          target: targetOf(raw),
          json: raw.json ?? false,
          name,
          slug: raw.slug ?? slugOf(name),
          extraFields: raw.allowExtraFields ? 'pass' : 'refuse',
          use: raw.use ?? false,
        } satisfies CreateWorkspaceJob,
        create,
      ),
    )
}

/** The short name that a name suggests: `Harbor Clinic (North)` → `harbor-clinic-north`. */
function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[\u0300-\u036f]/g, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, limits.slugCharsMax)
    .replaceAll(/^-+|-+$/g, '')
  return slug === '' ? 'workspace' : slug
}

function parseSlug(text: string): string {
  if (text.length <= limits.slugCharsMax && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(text)) return text
  throw new InvalidArgumentError('Use lower-case letters, digits and hyphens, such as harbor-clinic.')
}

async function list({ target, json }: ListWorkspaces, context: Context): Promise<void> {
  const found = await findTarget(target, context)
  const api = createApi(found.url.value, keyOf(found, 'managingKey'), context)
  const workspaces = await api.list<Workspace>('/v1/workspaces')
  if (json) {
    for (const workspace of workspaces) await say(context.stdout, JSON.stringify(workspace))
    return
  }
  const rows = workspaces.map(({ id, slug, name, created_at }) => [
    id === found.workspace?.value ? '*' : '',
    slug,
    name,
    id,
    created_at.slice(0, 10),
  ])
  const colours = palette(context.stdout.colour)
  for (const line of table(['', 'SLUG', 'NAME', 'ID', 'CREATED'], rows, colours)) await say(context.stdout, line)
}

async function create(job: CreateWorkspaceJob, context: Context): Promise<void> {
  const found = await findTarget(job.target, context)
  const api = createApi(found.url.value, keyOf(found, 'managingKey'), context)
  const body: CreateWorkspace = { name: job.name, slug: job.slug, extra_fields: job.extraFields }
  const workspace = await api.request<Workspace>('POST', '/v1/workspaces', body)
  if (job.use) {
    const { api_key: _ofAnother, ...held } = found.held
    const next = { ...held, workspace_id: workspace.id, workspace_slug: workspace.slug }
    await saveCredentials(credentialsPath(context), found.url.value, next)
  }
  if (job.json) return say(context.stdout, JSON.stringify(workspace))
  const colours = palette(context.stdout.colour)
  await say(context.stdout, `${colours.strong(workspace.slug)}  ${workspace.id}`)
  const flag = job.use ? '' : ` --workspace ${workspace.slug}`
  await say(
    context.stderr,
    `Create a key for it with ${colours.code(`${commandName(context.env)} keys create --name app${flag}`)}`,
  )
}
