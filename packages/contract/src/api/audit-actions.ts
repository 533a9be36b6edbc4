/** What an audit trail tells of, with the words of the reference. */
export const auditActions = {
  'stream.opened': 'The stream of the workspace was opened.',
  'stream.ended': 'It ended.',
  'observer.opened': 'A call was opened for observing.',
  'observer.ended': 'That ended.',
  'history.read': 'Events of the past were read.',
  'state.read': 'Calls, operators, surfaces or data sources were read.',
  'audit.read': 'This trail was read.',
  'key.created': 'An API key was created.',
  'key.rotated': 'An API key got a new secret.',
  'key.revoked': 'An API key was revoked.',
  'key.used': 'A credential was used from an address for the first time on a day (UTC).',
  'token.issued': 'An access token was signed.',
  'secret.set': 'The secret of a source was set.',
  'secret.deleted': 'The secret of a source was deleted.',
  'workspace.created': 'The workspace was created.',
  'data.erased': 'Personal data were erased.',
  'hold.set': 'A legal hold was set.',
  'hold.lifted': 'A legal hold was lifted.',
  'audit.lost': 'Records could not be kept: the storage refused them for too long.',
} as const

export type AuditAction = keyof typeof auditActions

export const auditActionNames = Object.keys(auditActions) as readonly AuditAction[]
