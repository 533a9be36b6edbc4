import { readEvents, Switchboard } from '@switchboard/sdk'
import { useEffect, useState } from 'react'
import { Link, Navigate, Route, Routes } from 'react-router'
import { EmptyState } from './design/parts.js'
import { CallPage } from './pages/call.js'
import { SignInPage } from './pages/sign-in.js'
import { routes } from './routes.js'
import { Shell } from './shell.js'
import { Feed } from './stores/feed.js'
import { currentOf, type Session } from './stores/session.js'
import type { SessionStore } from './stores/session-store.js'
import { shareOf } from './stores/share.js'
import { stateReader } from './stores/state-reader.js'
import { nextFrame } from './stores/store.js'
import { WorkspaceStore } from './stores/workspace-store.js'
import { type Desk, DeskContext, useStore } from './workspace.js'

export function App({ sessions, failed }: { sessions: SessionStore; failed: string | undefined }) {
  const state = useStore(sessions)
  const [adding, setAdding] = useState(false)
  const session = currentOf(state)
  if (session === undefined || adding) {
    return (
      <SignInPage
        failed={failed}
        onCancel={session && (() => setAdding(false))}
        onEnter={(entered) => {
          setAdding(false)
          sessions.signIn(...entered)
        }}
      />
    )
  }
  return (
    <SignedIn
      // Another key may see other things: nothing of what was seen with the one before is kept.
      key={`${session.workspaceId} ${session.credential}`}
      session={session}
      sessions={sessions}
      onAdd={() => setAdding(true)}
    />
  )
}

interface SignedInProps {
  readonly session: Session
  readonly sessions: SessionStore
  readonly onAdd: () => void
}

function SignedIn({ session, sessions, onAdd }: SignedInProps) {
  const [desk] = useState(() => deskOf(session))
  useEffect(() => {
    void desk.feed.start()
    void desk.workspace.start()
    return () => {
      desk.workspace.stop()
      desk.feed.stop()
    }
  }, [desk])
  const home = routes[0]?.path ?? '/'
  return (
    <DeskContext value={desk}>
      <Shell session={session} sessions={sessions} onAdd={onAdd}>
        <Routes>
          {routes.map(({ path, Page }) => (
            <Route key={path} path={path} element={<Page />} />
          ))}
          <Route path="/calls/:sid" element={<CallPage />} />
          <Route path="/" element={<Navigate to={home} replace />} />
          <Route path="*" element={<NoSuchPage />} />
        </Routes>
      </Shell>
    </DeskContext>
  )
}

function NoSuchPage() {
  return (
    <EmptyState title="No such page">
      <p>This address leads nowhere here.</p>
      <Link className="button" to="/calls">
        Calls
      </Link>
    </EmptyState>
  )
}

function deskOf({ credential, workspaceId }: Session): Desk {
  const switchboard = new Switchboard({ baseUrl: location.origin, credential, workspaceId })
  const feed = new Feed({
    switchboard,
    share: shareOf(workspaceId, credential),
    async head() {
      const query = { since: new Date().toISOString(), limit: 1 }
      const path = { workspace_id: workspaceId }
      const { data } = await readEvents({ client: switchboard.rest, path, query, throwOnError: true })
      return data.position ?? ''
    },
  })
  const workspace = new WorkspaceStore({ state: stateReader(switchboard, workspaceId), feed, frame: nextFrame })
  return { switchboard, workspaceId, feed, workspace }
}
