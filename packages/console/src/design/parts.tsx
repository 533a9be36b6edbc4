import type { ButtonHTMLAttributes, ReactNode } from 'react'
import { useEffect, useState } from 'react'
import { ago, clockDuration } from './words.js'

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { readonly strong?: boolean }

export function Button({ strong = false, className = '', ...rest }: ButtonProps) {
  return <button type="button" className={`button ${strong ? 'strong' : ''} ${className}`} {...rest} />
}

/** A choice that is on or off. */
export function Chip({ on, onToggle, children }: { on: boolean; onToggle: () => void; children: ReactNode }) {
  return (
    <button type="button" className="chip" aria-pressed={on} onClick={onToggle}>
      {children}
    </button>
  )
}

export function Panel({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  return (
    <section className="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <Button onClick={onClose} aria-label="Close">
          ✕
        </Button>
      </header>
      {children}
    </section>
  )
}

export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="face">
      <h2>{title}</h2>
      <div>{children}</div>
    </div>
  )
}

/** A permission is missing: which one, and who can give it. */
export function Denied({ permission }: { permission: string }) {
  return (
    <div className="face" role="alert">
      <h2>This key may not look here</h2>
      <p>
        The permission <code>{permission}</code> is missing. Whoever has <code>keys:manage</code> in this workspace can
        make a key that has it.
      </p>
    </div>
  )
}

export function Failing({ what, still, children }: { what: string; still: string; children?: ReactNode }) {
  return (
    <div className="face failing" role="alert">
      <h2>✕ {what}</h2>
      <p>{still}</p>
      {children}
    </div>
  )
}

/** The shape of what comes; its own CSS keeps it invisible for the first 300 ms. */
export function Loading() {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {['a', 'b', 'c', 'd', 'e', 'f'].map((row) => (
        <div key={row} />
      ))}
    </div>
  )
}

/** The time of the page, once a second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return now
}

export function RelativeTime({ time, now }: { time: string; now: number }) {
  return <time dateTime={time}>{ago(now - Date.parse(time))}</time>
}

export function Duration({ ms }: { ms: number }) {
  return <span className="figures">{clockDuration(ms)}</span>
}
