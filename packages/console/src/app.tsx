import { Switchboard } from '@switchboard/sdk'
import { useEffect, useState } from 'react'
import { Navigate, Route, Routes } from 'react-router'
import { CallPage } from './pages/call.js'
import { SignInPage } from './pages/sign-in.js'
import { routes } from './routes.js'
import { Shell } from './shell.js'
import { forgetSession, keepSession, keptSession, type Session } from './stores/session.js'
import { nextFrame } from './stores/store.js'
import { WorkspaceStore } from './stores/workspace-store.js'
import { type Desk, DeskContext } from './workspace.js'

export function App() {
  const [session, setSession] = useState(() => keptSession(sessionStorage))
  if (session === undefined) {
    const enter = (next: Session) => {
      keepSession(next, sessionStorage)
      setSession(next)
    }
    return <SignInPage onEnter={enter} />
  }
  const leave = () => {
    forgetSession(sessionStorage)
    setSession(undefined)
  }
  return <SignedIn key={session.workspaceId} session={session} onLeave={leave} />
}

function SignedIn({ session, onLeave }: { session: Session; onLeave: () => void }) {
  const [desk] = useState<Desk>(() => {
    const { credential, workspaceId } = session
    const switchboard = new Switchboard({ baseUrl: location.origin, credential, workspaceId })
    return { switchboard, workspace: new WorkspaceStore({ switchboard, frame: nextFrame }) }
  })
  useEffect(() => {
    void desk.workspace.start()
    return () => desk.workspace.stop()
  }, [desk])
  const home = routes[0]?.path ?? '/'
  return (
    <DeskContext value={desk}>
      <Shell session={session} onLeave={onLeave}>
        <Routes>
          {routes.map(({ path, Page }) => (
            <Route key={path} path={path} element={<Page />} />
          ))}
          <Route path="/calls/:sid" element={<CallPage />} />
          <Route path="*" element={<Navigate to={home} replace />} />
        </Routes>
      </Shell>
    </DeskContext>
  )
}
