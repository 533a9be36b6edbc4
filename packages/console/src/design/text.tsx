import { MASKED_TEXT } from '@switchboard/contract/core'

/** What somebody said or wrote: shown as it is, never as markup, apart from the direction of what stands around it. */
export function Said({ text }: { text: string }) {
  if (text === MASKED_TEXT) return <Masked />
  return <bdi dir="auto">{text}</bdi>
}

/** Personal data that this credential may not see. */
export function Masked() {
  return (
    <span className="masked" title="Personal data: seeing it needs the permission pii:read">
      masked
    </span>
  )
}

/** A value as JSON; text that is JSON already is laid out as such. */
export function Json({ label, value }: { label: string; value: unknown }) {
  if (value === MASKED_TEXT) return <Masked />
  return (
    <figure className="json" aria-label={label}>
      <pre dir="auto">{pretty(value)}</pre>
    </figure>
  )
}

function pretty(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value, null, 2) ?? ''
  try {
    const parsed: unknown = JSON.parse(value)
    return typeof parsed === 'object' ? JSON.stringify(parsed, null, 2) : value
  } catch {
    return value
  }
}
