import type { JsonObject } from '@switchboard/contract'
import type { ObserverEventInput, Published, PublishOptions, Switchboard, WorkspaceEventInput } from '@switchboard/sdk'
import type { Context } from './context.js'
import { keyOf, type Target } from './target.js'
import { workspaceId } from './workspace.js'

/** A person waits: one repeat for a hiccup, and then the failure is told rather than sat out. */
const REQUESTS = { attempts: 2, totalMs: 20_000 } as const

/** The SDK's client for a target. @throws CliError when there is no key or no workspace. */
export async function openClient(target: Target, context: Pick<Context, 'fetch' | 'signal'>): Promise<Switchboard> {
  const credential = keyOf(target)
  // Loaded when it is needed: it brings `fetch` and all that belongs to it, which `--help` and `serve` start without.
  const { createSwitchboard } = await import('@switchboard/sdk')
  return createSwitchboard({
    baseUrl: target.url.value,
    workspaceId: await workspaceId(target, context),
    credential,
    fetch: context.fetch,
    requests: REQUESTS,
    // Whoever watches a terminal decides when to give up.
    reconnect: { budget: Number.POSITIVE_INFINITY },
  })
}

/**
 * Publishes events whose types are only known at run time, to the workspace or to a call. One event is sent as itself,
 * so that errors name its fields without an index.
 */
export function publishEvents(
  client: Switchboard,
  call: string | undefined,
  events: readonly JsonObject[],
  options: PublishOptions,
): Promise<Published> {
  const [first] = events
  const body: unknown = events.length === 1 ? first : events
  // The SDK's types are for programs that know what they send. Here the server is the one that checks.
  return call === undefined
    ? client.events.publish(body as WorkspaceEventInput, options)
    : client.calls.publish(call, body as ObserverEventInput, options)
}

/** An event as the server sent it. The SDK wraps types that it does not know; a terminal shows them all the same. */
export function plainEvent(event: object): JsonObject {
  const { event_type, type, raw } = event as { event_type?: unknown; type?: unknown; raw?: unknown }
  const wrapped = (event_type ?? type) === 'unknown' && typeof raw === 'object' && raw !== null
  return { ...(wrapped ? raw : event) }
}
