import { callSid, createRandom, type Random, uuid } from '@switchboard/simulator'

type Json = Readonly<Record<string, unknown>>

/** Bytes of chance that a run of new ids starts from. */
const SEED_BYTES = 16

/** Ids that others could not have made up: seeded by the browser's own chance. */
export function chance(): Random {
  return createRandom(crypto.getRandomValues(new Uint8Array(SEED_BYTES)).join())
}

export function madeUpCall(random: Random): string {
  return callSid(random)
}

/** Whose call and whose workspace an event is about; undefined where the event itself decides. */
export interface Belonging {
  readonly workspaceId: string
  readonly callSid: string | undefined
}

/** An event that names this workspace and this call, where it names any. */
export function belonging<Event extends Json>(event: Event, { workspaceId, callSid: call }: Belonging): Event {
  return {
    ...event,
    ...('workspace_id' in event && { workspace_id: workspaceId }),
    ...(call !== undefined && 'call_sid' in event && { call_sid: call }),
  }
}

/** What an event is about is new; where it happens stays: the workspace, its services, who speaks in a call. */
const STAYS = /^workspace_id$|^service_id$|speaker_id$/
const ID = /_(id|sid)$/

/**
 * The same event about other things: each id is replaced by a new one of its form, and an id that stands in two places
 * by the same one. Words that are no ids, as a field's name or a telephone number, stay.
 */
export function freshIds(event: Json, random: Random): Json {
  const renewed = new Map<string, string>()
  const renew = (id: string): string => {
    const known = renewed.get(id) ?? newId(id, random)
    renewed.set(id, known)
    return known
  }
  const entries = Object.entries(event).map(([name, value]) => {
    const isId = ID.test(name) && !STAYS.test(name) && typeof value === 'string'
    return [name, isId ? renew(value) : value]
  })
  return Object.fromEntries(entries)
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** `CA5f0c…`, `SM0f1e…`: two letters and 32 digits; or the digits alone. */
const DIGITS = /^([A-Z]{2})?[0-9a-f]{32}$/
/** `esc_0193f2`, `em_in_51b2`, `tc_1`, `o-1`. */
const SHORT = /^((?:[a-z]+[_-])+)[0-9a-f]+$/
const SHORT_DIGITS = 8

function newId(id: string, random: Random): string {
  if (UUID.test(id)) return uuid(random)
  const digits = DIGITS.exec(id)
  if (digits) return `${digits[1] ?? ''}${random.hex(32)}`
  const short = SHORT.exec(id)
  return short ? `${short[1]}${random.hex(SHORT_DIGITS)}` : id
}
