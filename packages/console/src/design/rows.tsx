import { type RefObject, useEffect, useRef } from 'react'

/** `/` searches, `j` and `k` walk the page's rows: whatever has `data-row`, in the order it stands on the page. */
function useRowKeys(): RefObject<HTMLInputElement | null> {
  const search = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return
      if (event.key === '/') {
        event.preventDefault()
        search.current?.focus()
      }
      if (event.key !== 'j' && event.key !== 'k') return
      const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')]
      const at = rows.indexOf(document.activeElement as HTMLElement)
      const next = event.key === 'j' ? at + 1 : Math.max(0, at - 1)
      rows[Math.min(next, rows.length - 1)]?.focus()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
  return search
}

interface BoardHeadProps {
  readonly title: string
  /** What is searched by, for people. */
  readonly search: string
  readonly text: string
  readonly onText: (text: string) => void
  /** Whether the workspace has more than the page holds. */
  readonly partial: boolean
}

/** The head of a page of rows: its name, a search, and the keys that walk what is found. */
export function BoardHead({ title, search, text, onText, partial }: BoardHeadProps) {
  return (
    <div className="boards-head">
      <h1>{title}</h1>
      <input
        ref={useRowKeys()}
        className="field"
        type="search"
        aria-label={search}
        placeholder={search}
        value={text}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
      />
      {partial && <span className="muted">There are more than are shown here.</span>}
    </div>
  )
}
