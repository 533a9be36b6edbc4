import { type SubmitEvent, useState } from 'react'
import { Button } from '../design/parts.js'
import type { Session } from '../stores/session.js'
import { enter } from '../stores/sign-in.js'

interface SignInPageProps {
  /** Why a link did not sign in. */
  readonly failed: string | undefined
  readonly onEnter: (sessions: readonly [Session, ...Session[]]) => void
  /** Back to the workspace that is signed in already. */
  readonly onCancel: (() => void) | undefined
}

export function SignInPage({ failed, onEnter, onCancel }: SignInPageProps) {
  const [wrong, setWrong] = useState(failed)
  const [busy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const credential = String(form.get('key')).trim()
    setBusy(true)
    setWrong(undefined)
    try {
      onEnter(await enter({ baseUrl: location.origin, credential }))
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error))
      setBusy(false)
    }
  }
  return (
    <main className="signin">
      <form onSubmit={submit}>
        <h1>Switchboard</h1>
        <p className="muted">See a workspace live: its calls, forms, people and pipelines.</p>
        <label>
          API key or access token
          <input className="field" name="key" type="password" autoComplete="off" required />
        </label>
        {wrong && (
          <p className="wrong" role="alert">
            ✕ {wrong}
          </p>
        )}
        <div className="actions">
          <Button strong type="submit" disabled={busy}>
            {busy ? 'Signing in' : 'Sign in'}
          </Button>
          {onCancel && <Button onClick={onCancel}>Cancel</Button>}
        </div>
        <p className="muted">
          It stays in the open tabs of this browser and is forgotten with the last of them. A server that was just
          started has printed a key; <code>npx switchboard keys create</code> makes one.
        </p>
      </form>
    </main>
  )
}
