import { type JsonObject, MASKED_TEXT } from '@switchboard/contract'
import type { PersonalRecords } from '../log/log.js'

/**
 * Members of the records of state that hold what the catalogue marks as personal data in the events they are folded
 * from (call.started, call.escalated, operator.profile_updated, surface.review_rejected), and whose it is.
 */
export const personalRecords: Readonly<Record<string, PersonalRecords>> = {
  calls: {
    subject: 'call',
    mask: (record) => ({
      ...record,
      caller_id: masked(record.caller_id),
      escalation: isObject(record.escalation)
        ? { ...record.escalation, reason: masked(record.escalation.reason) }
        : record.escalation,
    }),
  },
  operators: {
    subject: 'workspace',
    mask: (record) => ({
      ...record,
      profile: isObject(record.profile)
        ? Object.fromEntries(Object.entries(record.profile).map(([name, value]) => [name, masked(value)]))
        : record.profile,
    }),
  },
  surfaces: { subject: 'surface', mask: (record) => ({ ...record, review_reason: masked(record.review_reason) }) },
}

/** How a record of a projection is shown to a reader who may, or may not, see personal data. */
export function showing(projection: string, seesPersonalData: boolean): PersonalRecords['mask'] {
  const mask = seesPersonalData ? undefined : personalRecords[projection]?.mask
  return mask ?? ((record) => record)
}

/** What is null tells nothing of anybody, and stays. */
function masked(value: unknown): unknown {
  return value === null || value === undefined ? value : MASKED_TEXT
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
