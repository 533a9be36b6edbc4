/** What a credential may do, with the words shown to whoever grants it (wire contract, "Access"). */
export const permissions = {
  'events:read': 'Read the workspace stream, its history and its state.',
  'events:write': 'Publish workspace events.',
  'calls:observe': "Open the observer of a call and read the call's history.",
  'calls:publish': "Publish to a call's channel.",
  'pii:read': 'See personal data unmasked.',
  'data:erase': 'Erase the personal data of calls and surfaces, place and lift legal holds.',
  'keys:manage': 'Create, rotate and revoke API keys and secrets of the workspace.',
  'audit:read':
    'See which streams are open, what was refused, and the audit trail: who watched, read and changed what.',
} as const

export type Permission = keyof typeof permissions

export const permissionNames = Object.keys(permissions) as readonly Permission[]

export function isPermission(name: unknown): name is Permission {
  return typeof name === 'string' && Object.hasOwn(permissions, name)
}
