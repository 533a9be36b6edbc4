import { type ReactNode, useEffect, useRef, useState } from 'react'
import { NavLink } from 'react-router'
import { Button, Denied, Failing, useNow } from './design/parts.js'
import { chooseTheme, keptTheme } from './design/theme.js'
import { clockTime } from './design/words.js'
import { routes } from './routes.js'
import type { Session } from './stores/session.js'
import type { WorkspaceSnapshot } from './stores/workspace-store.js'
import { useWorkspace } from './workspace.js'

export function Shell({ session, onLeave, children }: { session: Session; onLeave: () => void; children: ReactNode }) {
  const workspace = useWorkspace()
  const [theme, setTheme] = useState(keptTheme)
  const help = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === '?' && !(event.target instanceof HTMLInputElement)) help.current?.showModal()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
  const other = theme === 'dark' ? 'light' : 'dark'
  const toggle = () => {
    chooseTheme(other)
    setTheme(other)
  }
  return (
    <div className="shell">
      <header className="top">
        <span className="name">Switchboard</span>
        <span className="workspace muted">{session.workspaceName}</span>
        <span className="grow" />
        <ConnectionWord workspace={workspace} />
        <Button onClick={toggle} aria-label={`Use ${other} colours`}>
          {theme === 'dark' ? '☀' : '☾'}
        </Button>
        <Button onClick={() => help.current?.showModal()} aria-label="Help">
          ?
        </Button>
        <Button onClick={onLeave}>Sign out</Button>
      </header>
      <nav className="side" aria-label="Pages">
        {routes.map(({ path, name, badge }) => {
          const told = badge?.(workspace)
          return (
            <NavLink key={path} to={path}>
              <span>{name}</span>
              {told && <span className={`figures ${told.waiting ? 'waiting' : 'muted'}`}>{told.text}</span>}
            </NavLink>
          )
        })}
      </nav>
      <main className="page">{stopped(workspace, onLeave) ?? children}</main>
      <dialog ref={help} aria-label="Help">
        <h2>Keys</h2>
        <dl>
          <dt>/</dt>
          <dd>search</dd>
          <dt>j k</dt>
          <dd>next, previous</dd>
          <dt>Enter</dt>
          <dd>open</dd>
          <dt>Esc</dt>
          <dd>close</dd>
        </dl>
        <Button onClick={() => help.current?.close()}>Close</Button>
      </dialog>
    </div>
  )
}

/** The page gives way when there is nothing to show; with a state that was read once, it stays and the header tells. */
function stopped({ connection, phase }: WorkspaceSnapshot, onLeave: () => void): ReactNode {
  if (connection.kind !== 'stopped') return undefined
  if (connection.code === 'forbidden') return <Denied permission="events:read" />
  if (phase === 'ready') return undefined
  return (
    <Failing what="The state could not be read" still={connection.why}>
      <Button onClick={() => location.reload()}>Try again</Button> <Button onClick={onLeave}>Sign in anew</Button>
    </Failing>
  )
}

function ConnectionWord({ workspace: { connection, gap } }: { workspace: WorkspaceSnapshot }) {
  const now = useNow()
  const when = (ms: number | undefined) => (ms === undefined ? '?' : clockTime(new Date(ms), false))
  const missing = gap && (
    <span className="connection wrong">
      ▲ gap: {when(gap.from)} to {when(gap.to)} is no longer kept
    </span>
  )
  const word = () => {
    switch (connection.kind) {
      case 'live':
        return (
          <span className="connection live">
            <b>●</b> live
          </span>
        )
      case 'connecting':
        return <span className="connection muted">○ connecting</span>
      case 'catching-up':
        return <span className="connection">◐ catching up ({connection.behind.toLocaleString()} behind)</span>
      case 'reconnecting': {
        const seconds = Math.max(0, Math.ceil((connection.at - now) / 1000))
        return (
          <span className="connection" title={connection.why}>
            ○ reconnecting{seconds > 0 ? ` in ${seconds} s` : ' now'}
          </span>
        )
      }
      case 'stopped':
        return (
          <span className="connection wrong" title={connection.why}>
            ✕ stopped: {connection.code}
          </span>
        )
    }
  }
  return (
    <output className="status">
      {missing} {word()}
    </output>
  )
}
