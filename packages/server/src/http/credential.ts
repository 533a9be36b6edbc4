import type { Access } from '../access/access.js'
import type { Principal } from '../access/principal.js'
import type { Handlers } from './route-types.js'

/** Who the asking credential speaks for. */
export function credentialHandlers({
  keyName,
  workspaces,
}: Pick<Access, 'keyName' | 'workspaces'>): Handlers<'getCredential'> {
  return {
    async getCredential({ principal }) {
      const { kind, keyId, permissions, callSids, expiresAt } = principal
      return {
        kind,
        key_id: keyName(keyId) === undefined ? null : keyId,
        name: keyName(keyId) ?? null,
        permissions: [...permissions],
        call_sids: callSids === undefined ? null : [...callSids],
        expires_at: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
        workspace: await workspaceOf(principal),
      }
    },
  }

  async function workspaceOf({ workspace }: Principal): Promise<object | null> {
    const found = workspace === undefined ? undefined : await workspaces.find(workspace)
    return found === undefined ? null : { id: found.id, name: found.name, slug: found.slug }
  }
}
