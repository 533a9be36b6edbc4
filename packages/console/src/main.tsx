import './design/tokens.css'
import './design/design.css'
import './design/shell.css'
import './pages/pages.css'
import { createRoot } from 'react-dom/client'
import { BrowserRouter } from 'react-router'
import { App } from './app.js'
import { applyTheme, keptTheme } from './design/theme.js'
import { keepSession, sessionOfLink } from './stores/session.js'

applyTheme(keptTheme())
const linked = sessionOfLink(location.hash)
// Removed before anything else can read it: not by what is copied from the address bar, nor by the history.
if (location.hash.includes('token=')) history.replaceState(null, '', location.pathname + location.search)
if (linked) keepSession(linked, sessionStorage)

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <BrowserRouter basename="/console">
      <App />
    </BrowserRouter>,
  )
}
