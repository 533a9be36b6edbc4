import type { WorkspaceItem } from '@switchboard/sdk'
import { useEffect, useState } from 'react'
import { Link } from 'react-router'
import { Button, Panel } from '../design/parts.js'
import { Json } from '../design/text.js'
import { shortId } from '../design/words.js'
import { sent, typeOf } from '../stores/event-text.js'
import { ENTITY_NAMES, type Entity } from './live-view.js'

interface EventPanelProps {
  readonly id: string
  /** Finds it among what is held, or in the log. */
  readonly find: (id: string) => Promise<WorkspaceItem | undefined>
  readonly onOnly: (entity: Entity) => void
  readonly onClose: () => void
}

type Found =
  | { readonly kind: 'looking' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'here'; readonly item: WorkspaceItem }

/** One event, exactly as it was sent. */
export function EventPanel({ id, find, onOnly, onClose }: EventPanelProps) {
  const [found, setFound] = useState<Found>({ kind: 'looking' })
  useEffect(() => {
    let isOver = false
    const done = (item: WorkspaceItem | undefined) => {
      if (!isOver) setFound(item ? { kind: 'here', item } : { kind: 'gone' })
    }
    find(id).then(done, () => done(undefined))
    return () => {
      isOver = true
    }
  }, [id, find])
  if (found.kind === 'looking') return null
  if (found.kind === 'gone') {
    return (
      <Panel title="No such event" onClose={onClose}>
        <p>
          <span className="figures">{id}</span> is no longer kept here, or is no event of this workspace.
        </p>
      </Panel>
    )
  }
  const event = sent(found.item)
  const entities = ENTITY_NAMES.flatMap((name) => {
    const value = event[name]
    return typeof value === 'string' ? [{ name, value }] : []
  })
  return (
    <Panel title={typeOf(found.item)} onClose={onClose}>
      <p className="muted figures">
        {id} · {found.item.time.toISOString()}
      </p>
      <div className="actions">
        <Copy words="Copy JSON" text={JSON.stringify(event)} />
        <Copy words="Copy link" text={`${location.origin}/console/live?event=${encodeURIComponent(id)}`} />
        {typeof event.call_sid === 'string' && (
          <Link className="button" to={`/calls/${encodeURIComponent(event.call_sid)}`}>
            Open the call
          </Link>
        )}
      </div>
      {entities.map((entity) => (
        <p key={entity.name}>
          <Button onClick={() => onOnly(entity)}>
            Only {entity.name} <bdi>{shortId(entity.value)}</bdi>
          </Button>
        </p>
      ))}
      <Json label={typeOf(found.item)} value={event} />
    </Panel>
  )
}

/** How long a button says that it has copied. */
const COPIED_MS = 1500

function Copy({ words, text }: { words: string; text: string }) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), COPIED_MS)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = () => void navigator.clipboard.writeText(text).then(() => setCopied(true))
  return <Button onClick={copy}>{copied ? 'Copied' : words}</Button>
}
