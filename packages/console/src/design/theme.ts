export type Theme = 'light' | 'dark'

const PLACE = 'switchboard.theme'

/** What was chosen here, or else what the system prefers. */
export function keptTheme(): Theme {
  const kept = localStorage.getItem(PLACE)
  if (kept === 'light' || kept === 'dark') return kept
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme
}

export function chooseTheme(theme: Theme): void {
  localStorage.setItem(PLACE, theme)
  applyTheme(theme)
}
