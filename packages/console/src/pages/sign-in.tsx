import { Switchboard } from '@switchboard/sdk'
import { type SubmitEvent, useState } from 'react'
import { Button } from '../design/parts.js'
import type { Session } from '../stores/session.js'

export function SignInPage({ onEnter }: { onEnter: (session: Session) => void }) {
  const [wrong, setWrong] = useState<string>()
  const [busy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    setBusy(true)
    setWrong(undefined)
    try {
      onEnter(await enter(String(form.get('key')).trim(), String(form.get('workspace')).trim()))
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error))
      setBusy(false)
    }
  }
  return (
    <form className="signin" onSubmit={submit}>
      <h1>Switchboard</h1>
      <label>
        API key
        <input className="field" name="key" type="password" autoComplete="off" required />
      </label>
      <label>
        Workspace id
        <input className="field" name="workspace" autoComplete="off" spellCheck={false} required />
      </label>
      {wrong && (
        <p className="wrong" role="alert">
          ✕ {wrong}
        </p>
      )}
      <Button strong type="submit" disabled={busy}>
        {busy ? 'Signing in' : 'Sign in'}
      </Button>
      <p className="muted">The key stays in this tab and is forgotten when the tab is closed.</p>
    </form>
  )
}

async function enter(credential: string, workspaceId: string): Promise<Session> {
  const switchboard = new Switchboard({ baseUrl: location.origin, credential, workspaceId, requests: { attempts: 1 } })
  const { name } = await switchboard.workspaces.get()
  return { credential, workspaceId, workspaceName: name }
}
