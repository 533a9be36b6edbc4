import './design/tokens.css'
import './design/design.css'
import './design/shell.css'
import './pages/pages.css'
import { createRoot } from 'react-dom/client'
import { BrowserRouter } from 'react-router'
import { App } from './app.js'
import { applyTheme, keptTheme } from './design/theme.js'
import { tokenOfLink } from './stores/session.js'
import { SessionStore } from './stores/session-store.js'
import { enter } from './stores/sign-in.js'
import { nextFrame } from './stores/store.js'

/** The link's token is used at once: nobody has to press anything. Answers why it was not taken. */
async function enterByLink(token: string, sessions: SessionStore): Promise<string | undefined> {
  try {
    sessions.signIn(...(await enter({ baseUrl: location.origin, credential: token })))
    return undefined
  } catch (error) {
    return `The link was not accepted: ${error instanceof Error ? error.message : String(error)}`
  }
}

async function start(): Promise<void> {
  applyTheme(keptTheme())
  const token = tokenOfLink(location.hash)
  // Removed before anything else can read it: not by what is copied from the address bar, nor by the history.
  if (token) history.replaceState(null, '', location.pathname + location.search)
  const channel = new BroadcastChannel('switchboard sessions')
  const sessions = new SessionStore({ storage: sessionStorage, frame: nextFrame, channel })
  const failed = token ? await enterByLink(token, sessions) : undefined
  await sessions.join()
  const root = document.getElementById('root')
  if (root === null) return
  createRoot(root).render(
    <BrowserRouter basename="/console">
      <App sessions={sessions} failed={failed} />
    </BrowserRouter>,
  )
}

void start()
