import { Switchboard } from '@switchboard/sdk'
import type { Session } from './session.js'

/** Workspaces that one sign-in with the admin key opens; the switch between them is a list for people. */
const WORKSPACES_MAX = 200

/**
 * The sessions that a credential opens: its own workspace, or with the admin key every workspace there is.
 * @throws SwitchboardError when it is refused; an Error with words for people when there is nothing to look at.
 */
export async function enter({
  baseUrl,
  credential,
}: {
  readonly baseUrl: string
  readonly credential: string
}): Promise<readonly [Session, ...Session[]]> {
  const switchboard = new Switchboard({ baseUrl, credential, requests: { attempts: 1 } })
  const { workspace } = await switchboard.credential()
  if (workspace) return [{ credential, workspaceId: workspace.id, workspaceName: workspace.name }]
  const found: Session[] = []
  for await (const { id, name } of switchboard.workspaces.list()) {
    found.push({ credential, workspaceId: id, workspaceName: name })
    if (found.length === WORKSPACES_MAX) break
  }
  const [first, ...others] = found
  if (first === undefined) throw new Error('There is no workspace yet: npx switchboard workspaces create makes one.')
  return [first, ...others]
}
