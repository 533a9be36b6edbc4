import { type ReactNode, useEffect, useRef, useState } from 'react'
import { NavLink, useLocation, useNavigate } from 'react-router'
import { ConnectionWord } from './connection-word.js'
import { Unbroken } from './design/broken.js'
import { Button, Denied, Failing, useNow } from './design/parts.js'
import { chooseTheme, keptTheme } from './design/theme.js'
import { type PageRoute, routes } from './routes.js'
import { claimsOf, type Session } from './stores/session.js'
import type { SessionStore } from './stores/session-store.js'
import type { WorkspaceSnapshot } from './stores/workspace-store.js'
import { useStore, useWorkspace } from './workspace.js'

interface ShellProps {
  readonly session: Session
  readonly sessions: SessionStore
  /** Signs in to one more workspace. */
  readonly onAdd: () => void
  readonly children: ReactNode
}

/** Pages that a telephone's bar has room for, before `More`. */
const BAR_PAGES = 4

export function Shell({ session, sessions, onAdd, children }: ShellProps) {
  const workspace = useWorkspace()
  const leave = () => sessions.signOut(session.workspaceId)
  const help = useRef<HTMLDialogElement>(null)
  const more = useRef<HTMLDialogElement>(null)
  useShellKeys(help)
  const { pathname } = useLocation()
  useEffect(() => more.current?.close(), [pathname])
  useTitle(workspace)
  return (
    <div className="shell">
      <header className="top">
        <span className="name">Switchboard</span>
        <WorkspaceChoice session={session} sessions={sessions} onAdd={onAdd} />
        <span className="grow" />
        <TokenEnd credential={session.credential} />
        <ConnectionWord />
        <ThemeButton />
        <Button className="wide" onClick={() => help.current?.showModal()} aria-label="Help">
          ?
        </Button>
        <Button onClick={leave}>Sign out</Button>
      </header>
      <nav className="side" aria-label="Pages">
        {routes.map((route, index) => (
          <PageLink
            key={route.path}
            route={route}
            workspace={workspace}
            className={index < BAR_PAGES ? '' : 'beyond'}
          />
        ))}
        <button type="button" className="more" onClick={() => more.current?.showModal()}>
          More
        </button>
      </nav>
      <main className="page">
        <Stopped workspace={workspace} onLeave={leave}>
          {/* Whoever goes to another page leaves a broken one behind. */}
          <Unbroken key={pathname}>{children}</Unbroken>
        </Stopped>
      </main>
      <dialog ref={more} className="pages" aria-label="More pages">
        {routes.slice(BAR_PAGES).map((route) => (
          <PageLink key={route.path} route={route} workspace={workspace} className="" />
        ))}
        <Button onClick={() => help.current?.showModal()}>Keyboard</Button>
      </dialog>
      <Help dialog={help} />
    </div>
  )
}

function PageLink({
  route,
  workspace,
  className,
}: {
  route: PageRoute
  workspace: WorkspaceSnapshot
  className: string
}) {
  const told = route.badge?.(workspace)
  return (
    <NavLink to={route.path} className={className}>
      <span>{route.name}</span>
      {told && <span className={`figures ${told.tone}`}>{told.text}</span>}
    </NavLink>
  )
}

const ADD = '+'

function WorkspaceChoice({ session, sessions, onAdd }: Omit<ShellProps, 'children'>) {
  const { all } = useStore(sessions)
  return (
    <select
      className="field workspace"
      aria-label="Workspace"
      value={session.workspaceId}
      onChange={({ target: { value } }) => (value === ADD ? onAdd() : sessions.choose(value))}
    >
      {all.map(({ workspaceId, workspaceName }) => (
        <option key={workspaceId} value={workspaceId}>
          {workspaceName}
        </option>
      ))}
      <option value={ADD}>Another workspace…</option>
    </select>
  )
}

/** From this long before its end, an access token's end is told. */
const END_TOLD_MS = 15 * 60_000

function TokenEnd({ credential }: { credential: string }) {
  const now = useNow()
  const endsAt = claimsOf(credential)?.expiresAt
  if (endsAt === undefined || endsAt - now > END_TOLD_MS) return null
  const left = endsAt - now
  if (left <= 0) return <span className="muted">link has ended</span>
  const words = left > 60_000 ? `${Math.ceil(left / 60_000)} min` : `${Math.ceil(left / 1000)} s`
  return <span className="muted figures">link ends in {words}</span>
}

function ThemeButton() {
  const [theme, setTheme] = useState(keptTheme)
  const other = theme === 'dark' ? 'light' : 'dark'
  const toggle = () => {
    chooseTheme(other)
    setTheme(other)
  }
  return (
    <Button onClick={toggle} aria-label={`Use ${other} colours`}>
      {theme === 'dark' ? '☀' : '☾'}
    </Button>
  )
}

interface StoppedProps {
  readonly workspace: WorkspaceSnapshot
  readonly onLeave: () => void
  readonly children: ReactNode
}

/** The page gives way when there is nothing to show; with a state that was read once, it stays and the header tells. */
function Stopped({ workspace: { connection, phase }, onLeave, children }: StoppedProps) {
  const { pathname } = useLocation()
  if (connection.kind !== 'stopped') return children
  const expired = connection.code.startsWith('credential_') || connection.code === 'unauthenticated'
  if (phase === 'ready') {
    return (
      <>
        <p className="stale" role="alert">
          ✕ {expired ? 'This sign-in has ended.' : connection.why} What stands here is no longer live.{' '}
          <Button onClick={expired ? onLeave : () => location.reload()}>
            {expired ? 'Sign in anew' : 'Try again'}
          </Button>
        </p>
        {children}
      </>
    )
  }
  // One call can be observed, events published and keys made with a credential that may see nothing else.
  const needsState = routes.find(({ path }) => path === pathname)?.needsState ?? !pathname.startsWith('/calls/')
  if (!needsState && !expired) return children
  if (connection.code === 'forbidden') return <Denied permission="events:read" />
  return (
    <Failing
      what={expired ? 'This sign-in has ended' : 'The state could not be read'}
      still={expired ? 'The key or link is no longer valid. Sign in with another.' : connection.why}
    >
      {!expired && <Button onClick={() => location.reload()}>Try again</Button>}{' '}
      <Button onClick={onLeave}>Sign in anew</Button>
    </Failing>
  )
}

const KEYS: readonly (readonly [string, string])[] = [
  ['/', 'search'],
  ['j k', 'next, previous'],
  ['Enter', 'open'],
  ['Esc', 'close'],
  [`1 to ${routes.length}`, routes.map(({ name }) => name).join(', ')],
  ['Space', 'play and pause a call'],
  ['← →', 'five seconds back, on'],
  ['?', 'this help'],
]

function Help({ dialog }: { dialog: React.RefObject<HTMLDialogElement | null> }) {
  return (
    <dialog ref={dialog} aria-label="Keyboard">
      <h2>Keyboard</h2>
      <dl>
        {KEYS.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <Button onClick={() => dialog.current?.close()}>Close</Button>
    </dialog>
  )
}

/** `?` helps, and the digits lead to the pages. */
function useShellKeys(help: React.RefObject<HTMLDialogElement | null>): void {
  const navigate = useNavigate()
  useEffect(() => {
    const press = ({ key, target, ctrlKey, metaKey, altKey }: KeyboardEvent) => {
      if (ctrlKey || metaKey || altKey) return
      if (target instanceof HTMLElement && target.closest('input, select, textarea, dialog')) return
      if (key === '?') help.current?.showModal()
      const page = routes[Number(key) - 1]
      if (page) void navigate(page.path)
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [help, navigate])
}

/** A tab in the background tells what needs a person. */
function useTitle(workspace: WorkspaceSnapshot): void {
  const { pathname } = useLocation()
  const page = routes.find(({ path }) => pathname.startsWith(path))?.name ?? 'Console'
  const waiting = routes[0]?.badge?.(workspace)
  useEffect(() => {
    document.title = `${waiting?.tone === 'waiting' ? `${waiting.text} · ` : ''}${page} · Switchboard`
  }, [page, waiting?.text, waiting?.tone])
}
