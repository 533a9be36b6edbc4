import type { Health, Readiness, Workspace } from '@switchboard/contract'
import { type Finding, fail, ok, warn } from '@switchboard/contract/core'
import { createApi, send } from '../api.js'
import type { Context } from '../context.js'
import { credentialsPath, isPrivate } from '../credentials.js'
import { tell } from '../failure.js'
import { duration } from '../render/text.js'
import type { Target } from '../target.js'
import { workspaceId } from '../workspace.js'

/** Tokens last minutes, and times in events come from two clocks: a few seconds do no harm. */
const SKEW_WARN_MS = 5000
const SKEW_FAIL_MS = 60_000

/** Whether it answers, which version it is, and how its clock stands. Stops at the first failure. */
export async function reachable(target: Target, context: Context): Promise<readonly Finding[]> {
  const url = target.url.value
  const findings: Finding[] = []
  try {
    const asked = context.now()
    const response = await send(url, '/healthz', context, { method: 'GET' })
    const answered = context.now()
    const health = (await response.json().catch(() => undefined)) as Partial<Health> | undefined
    if (health?.status !== 'ok' || typeof health.version !== 'string') {
      return [
        fail(
          'server',
          `${url} answers, but not as Switchboard does`,
          'Check --url: a proxy or another program is there.',
        ),
      ]
    }
    findings.push(ok('server', `${url}, version ${health.version}, answered in ${duration(answered - asked)}`))
    const skew = clockSkew(response.headers.get('date'), asked, answered)
    if (skew !== undefined) findings.push(skew)
  } catch (error) {
    const { message, hint } = tell(error)
    return [fail('server', message, hint ?? '')]
  }
  const response = await send(url, '/readyz', context, { method: 'GET' })
  const readiness = (await response.json().catch(() => undefined)) as Readiness | undefined
  for (const check of readiness?.checks ?? []) {
    if (!check.ok)
      findings.push(fail(`ready: ${check.name}`, check.detail ?? 'not ok', 'The log of the server says more.'))
  }
  if (readiness?.status === 'ready') findings.push(ok('ready', readiness.checks.map(({ name }) => name).join(', ')))
  return findings
}

/** The `Date` header has whole seconds, and the answer took some time: both are given the benefit of the doubt. */
export function clockSkew(header: string | null, asked: number, answered: number): Finding | undefined {
  const server = header === null ? Number.NaN : Date.parse(header)
  if (Number.isNaN(server)) return undefined
  const skew = server + 1000 < asked ? server + 1000 - asked : server > answered ? server - answered : 0
  const size = Math.abs(skew)
  if (size < SKEW_WARN_MS) return ok('clocks', 'this machine and the server agree')
  const detail = `the server's clock is ${duration(size)} ${skew > 0 ? 'ahead' : 'behind'}`
  const advice = 'Turn on time synchronisation (timedatectl set-ntp true) on both.'
  return size < SKEW_FAIL_MS ? warn('clocks', detail, advice) : fail('clocks', detail, advice)
}

/** Where the key comes from, who else can read it, and what the server says to it. */
export async function credentials(target: Target, context: Context): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const path = credentialsPath(context)
  const secret = await isPrivate(path)
  if (secret === false) findings.push(fail('credentials file', `others can read ${path}`, `chmod 600 ${path}`))
  if (secret === true) findings.push(ok('credentials file', path))
  const { key } = target
  if (key === undefined) {
    const advice = 'Start a server here with `switchboard serve`, or set SWITCHBOARD_API_KEY and SWITCHBOARD_WORKSPACE.'
    return [...findings, fail('key', `none for ${target.url.value}`, advice)]
  }
  try {
    const id = await workspaceId(target, context)
    const workspace = await createApi(target.url.value, key.value, context).request<Workspace>('GET', `/v1/${id}`)
    findings.push(ok('key', `from the ${key.origin}, opens the workspace ${workspace.slug} (${workspace.id})`))
  } catch (error) {
    const { message, hint } = tell(error)
    findings.push(
      fail('key', `from the ${key.origin}: ${message}`, hint ?? 'Create another with `switchboard keys create`.'),
    )
  }
  return findings
}
