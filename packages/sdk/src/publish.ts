import { SwitchboardError } from './errors.js'

export interface PublishOptions {
  /**
   * Names this publish: repeated with the same key within 24 hours, also by another process, it is stored once. Made
   * up when left out, so that the retries in here store nothing twice.
   */
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
}

/** What was published. */
export interface Published {
  /** The position of each event, in the order given. They are on disk. */
  readonly ids: readonly string[]
  /** True when this key had been published before, and these are the positions of then. */
  readonly replayed: boolean
}

const KEY = /^[\x21-\x7e]{1,256}$/

/**
 * Publishes through `send`, once however often it is tried.
 *
 * @throws SwitchboardError as the server refused it, with `errors` for events that do not fit, and with the
 * `idempotencyKey` to try again with when it is unknown whether the events were stored.
 */
export async function publishOnce<Event>(
  events: Event | readonly Event[],
  options: PublishOptions,
  send: (body: Event | { events: Event[] }, key: string) => Promise<{ data: { ids: string[] }; response: Response }>,
): Promise<Published> {
  const key = options.idempotencyKey ?? randomKey()
  if (!KEY.test(key)) {
    throw new SwitchboardError('invalid_idempotency_key', 'accepted are 1 to 256 visible ASCII characters')
  }
  if (isList(events) && events.length === 0) return { ids: [], replayed: false }
  try {
    const { data, response } = await send(isList(events) ? { events: [...events] } : events, key)
    if (!Array.isArray(data.ids)) throw new SwitchboardError('unexpected_response', 'the answer names no positions')
    return { ids: data.ids, replayed: response.headers.get('idempotent-replayed') === 'true' }
  } catch (error) {
    if (!(error instanceof SwitchboardError)) throw error
    const { code, detail, status, requestId, retryAfterMs, errors, cause } = error
    throw new SwitchboardError(code, detail, { status, requestId, retryAfterMs, errors, cause, idempotencyKey: key })
  }
}

function isList<Event>(events: Event | readonly Event[]): events is readonly Event[] {
  return Array.isArray(events)
}

/** Not `randomUUID`: browsers have that on secure pages only. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
