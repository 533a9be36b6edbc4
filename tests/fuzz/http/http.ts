import { createRandom } from '@switchboard/simulator'
import type { TestServer } from '../../kit.js'
import { faultsOf } from './check.js'
import { OpenApi } from './document.js'
import { exchange, type RawAnswer } from './raw.js'
import { bytesOf, type Draft, type Ground, requestOf } from './request.js'

const CALL = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'
const PERMISSIONS = [
  'events:read',
  'events:write',
  'calls:observe',
  'calls:publish',
  'pii:read',
  'keys:manage',
  'audit:read',
]
/** No answer takes this long; on a machine that does other things too, the best of a few does not. */
const ANSWER_MS_MAX = 1000
const AGAIN = 3
const RISEN_BYTES_MAX = 256 * 1024 * 1024
const FAULTS_MAX = 20

export interface HttpFuzzed {
  readonly requests: number
  /** How often each operation was answered with which status. */
  readonly statuses: ReadonlyMap<string, ReadonlyMap<number, number>>
  /** Each kind once. */
  readonly faults: readonly string[]
}

async function groundOf(server: TestServer): Promise<Ground> {
  const { workspace, adminKey } = server
  await server.publish([
    { event_type: 'call.started', call_sid: CALL, direction: 'inbound', service_id: 'main', caller_id: '+15550142' },
  ])
  const { api_key: apiKey } = await server.key(PERMISSIONS)
  const { id } = await server.request('POST', '/v1/workspaces', { name: 'Signed', slug: 'signed' })
  const signed = { workspace: String(id), authToken: 'a-token-that-nobody-else-knows' }
  await server.request('PUT', `/v1/${id}/sources/twilio/secret`, { auth_token: signed.authToken })
  const asked = { permissions: ['events:read', 'calls:observe'], ttl_seconds: 3600 }
  const { access_token } = await server.request('POST', `/v1/${workspace}/access-tokens`, asked)
  return { workspace, call: CALL, adminKey, apiKey, accessToken: String(access_token), signed }
}

/**
 * Asks a real server for everything that its OpenAPI document has, as it says and otherwise, and holds every answer against the
 * document. The same seed asks for the same.
 */
export async function fuzzHttp(
  server: TestServer,
  seed: string,
  isOver: (requests: number) => boolean,
): Promise<HttpFuzzed> {
  const document = await OpenApi.of(server.url)
  const ground = await groundOf(server)
  const random = createRandom(`${seed}/http`)
  const statuses = new Map<string, Map<number, number>>()
  const faults = new Map<string, string>()
  const { pid } = server
  const before = server.residentBytes()
  // A body can be wrong in more ways than an address.
  const turns = document.operations.flatMap((each) => (each.requestBody === undefined ? [each] : [each, each, each]))
  let requests = 0

  const found = (draft: Draft, what: string): void => {
    const kind = `${draft.operation.operationId}: ${what.replaceAll(/\d{4,}/g, '…').slice(0, 120)}`
    if (faults.has(kind) || faults.size >= FAULTS_MAX) return
    const bytes = bytesOf(draft)
    const shown = bytes.toString('latin1', 0, 1200).replaceAll(/Bearer \S+/g, 'Bearer …')
    faults.set(
      kind,
      `${what}\n  request ${requests} of seed ${seed}, changed: ${draft.done.join(', ') || 'nothing'}\n  ${JSON.stringify(shown)}`,
    )
  }
  const ask = async (draft: Draft): Promise<RawAnswer | undefined> => {
    let best: RawAnswer | undefined
    for (let times = 0; times < AGAIN; times++) {
      best = await exchange(server.port, bytesOf(draft))
      if (best === undefined || best.ms < ANSWER_MS_MAX) return best
    }
    found(draft, `it takes longer than ${ANSWER_MS_MAX} ms to answer`)
    return best
  }

  while (!isOver(requests)) {
    // Each in turn, so that few requests have asked for all there is.
    const operation = turns[requests % turns.length]
    if (operation === undefined) throw new Error('the document has no operations')
    requests++
    const draft = requestOf(document, operation, ground, random)
    try {
      const answer = await ask(draft)
      if (answer === undefined) {
        found(draft, 'the connection ended without an answer')
        continue
      }
      const counts = statuses.get(operation.operationId) ?? new Map<number, number>()
      statuses.set(operation.operationId, counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1))
      for (const fault of faultsOf(document, draft, answer, ground)) found(draft, fault)
    } catch (error) {
      found(draft, String(error))
    }
  }

  const after: string[] = []
  if (server.pid !== pid || server.exitCode !== null)
    after.push(`the server has ended with ${server.exitCode}:\n${server.output}`)
  const risen = server.residentBytes() - before
  if (risen > RISEN_BYTES_MAX) after.push(`its memory has risen by ${Math.round(risen / 2 ** 20)} MiB`)
  if (/"level":"(error|fatal)"|Unhandled|Warning:/.test(server.output))
    after.push(`it says: ${server.output.slice(0, 2000)}`)
  return { requests, statuses, faults: [...faults.values(), ...after] }
}
