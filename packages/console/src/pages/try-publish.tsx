import type { EventTypeInfo } from '@switchboard/sdk'
import { useEffect, useRef, useState } from 'react'
import { Link } from 'react-router'
import { Button } from '../design/parts.js'
import { curlCommand } from '../stores/curl.js'
import { fieldsOf, findTypes } from '../stores/event-types-view.js'
import type { Draft, Outcome, PublishStore } from '../stores/publish-store.js'
import type { ChannelKind } from '../stores/refusal.js'
import { useWorkspace } from '../workspace.js'
import { Refused } from './try-refused.js'

interface Props {
  readonly store: PublishStore
  readonly draft: Draft
  readonly catalogue: Extract<Draft['catalogue'], { kind: 'ready' }>
}

export function TryPublish({ store, draft, catalogue }: Props) {
  const { type } = draft
  return (
    <section className="publish" aria-label="Publish an event">
      <h2>Publish an event</h2>
      <div className="halves">
        <TypePicker store={store} draft={draft} types={catalogue.types} />
        {type && (
          <div className="event-form">
            <About type={type} />
            <Editor store={store} draft={draft} />
            <AsCommand draft={draft} workspaceId={catalogue.workspaceId} />
          </div>
        )}
      </div>
    </section>
  )
}

interface PickerProps {
  readonly store: PublishStore
  readonly draft: Draft
  readonly types: readonly EventTypeInfo[]
}

function TypePicker({ store, draft: { channel, type, callSid }, types }: PickerProps) {
  const [text, setText] = useState('')
  const found = [...findTypes(types, channel, text)]
  return (
    <div className="picker">
      <label>
        <span>To</span>
        <select
          className="field"
          value={channel}
          onChange={(event) => store.chooseChannel(event.target.value as ChannelKind)}
        >
          <option value="workspace">the workspace stream</option>
          <option value="observer">the observer of a call</option>
        </select>
      </label>
      {channel === 'observer' && <CallField callSid={callSid} onCall={(sid) => store.chooseCall(sid)} />}
      <input
        className="field"
        type="search"
        aria-label="Search event types"
        placeholder="Search event types"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="types" role="radiogroup" aria-label="Event type">
        {found.length === 0 && <p className="muted">No event type is called that.</p>}
        {found.map(([family, members]) => (
          <fieldset key={family}>
            <legend>{family}</legend>
            {members.map((each) => (
              <label key={each.type} title={each.meaning}>
                <input type="radio" name="type" checked={each === type} onChange={() => store.choose(each)} />
                <span>{each.type}</span>
                {each.custom && <small className="muted">yours</small>}
              </label>
            ))}
          </fieldset>
        ))}
      </div>
    </div>
  )
}

function CallField({ callSid, onCall }: { callSid: string; onCall: (sid: string) => void }) {
  const { calls } = useWorkspace()
  const active = [...calls.values()].filter(({ status }) => status !== 'ended')
  return (
    <label>
      <span>Call</span>
      <input
        className="field"
        list="active-calls"
        spellCheck={false}
        autoComplete="off"
        value={callSid}
        onChange={(event) => onCall(event.target.value)}
      />
      <datalist id="active-calls">
        {active.map(({ call_sid }) => (
          <option key={call_sid} value={call_sid} />
        ))}
      </datalist>
    </label>
  )
}

function About({ type }: { type: EventTypeInfo }) {
  const { personal_data: personal } = type
  return (
    <div className="about">
      <h3>{type.type}</h3>
      <p dir="auto">{type.meaning}</p>
      <p className="muted" data-testid="personal">
        {personal.length === 0 ? (
          'No field of it is personal data.'
        ) : (
          <>
            Personal data, masked for readers without <code>pii:read</code>:{' '}
            {personal.map((name, index) => (
              <span key={name}>
                {index > 0 && ', '}
                <code>{name}</code>
              </span>
            ))}
          </>
        )}
      </p>
      <details>
        <summary>Fields</summary>
        <dl className="fields">
          {fieldsOf(type).map(({ name, description, required, personal: masked }) => (
            <div key={name}>
              <dt>
                <code>{name}</code>
                <small className="muted">
                  {required ? ' required' : ''}
                  {masked ? ' personal' : ''}
                </small>
              </dt>
              <dd dir="auto">{description}</dd>
            </div>
          ))}
        </dl>
      </details>
    </div>
  )
}

function Editor({ store, draft: { text, outcome, channel, callSid } }: Omit<Props, 'catalogue'>) {
  const editor = useRef<HTMLTextAreaElement>(null)
  const fault = outcome.kind === 'malformed' ? outcome.fault : undefined
  useEffect(() => {
    if (fault === undefined) return
    editor.current?.focus()
    editor.current?.setSelectionRange(fault.at, fault.at + 1)
  }, [fault])
  const wrong = fault !== undefined || (outcome.kind === 'refused' && outcome.refusal.errors.length > 0)
  return (
    <div className="editor">
      <label>
        <span>Event as JSON</span>
        <textarea
          ref={editor}
          className="field"
          rows={Math.min(24, Math.max(8, text.split('\n').length + 1))}
          spellCheck={false}
          autoCapitalize="off"
          aria-invalid={wrong}
          aria-describedby="outcome"
          value={text}
          onChange={(event) => store.edit(event.target.value)}
          onKeyDown={(event) => {
            // The page's own keys are letters here.
            event.stopPropagation()
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void store.publish()
          }}
        />
      </label>
      <div className="beside">
        <div className="controls">
          <Button
            strong
            onClick={() => void store.publish()}
            disabled={outcome.kind === 'sending' || (channel === 'observer' && callSid.trim() === '')}
          >
            Publish
          </Button>
          <Button onClick={() => store.renew()}>Fresh ids</Button>
        </div>
        <div id="outcome">
          <Told outcome={outcome} />
        </div>
      </div>
    </div>
  )
}

function Told({ outcome }: { outcome: Outcome }) {
  switch (outcome.kind) {
    case 'none':
      return (
        <p className="muted">
          It is checked against the catalogue and kept in the log for good. Fresh ids make another thing of it.
        </p>
      )
    case 'sending':
      return <p role="status">Publishing</p>
    case 'malformed': {
      const { line, column, message } = outcome.fault
      return (
        <div className="refused" role="alert">
          <h3>✕ This is not JSON, so nothing was sent</h3>
          <p>
            Line {line}, column {column}: {message}.
          </p>
        </div>
      )
    }
    case 'refused':
      return <Refused title="Nothing was published" refusal={outcome.refusal} />
    case 'published': {
      const { position, callSid } = outcome
      const to =
        callSid === undefined ? `/live?event=${encodeURIComponent(position)}` : `/calls/${encodeURIComponent(callSid)}`
      return (
        <p role="status">
          ✓ Published at <code className="figures">{position}</code>.{' '}
          <Link to={to}>{callSid === undefined ? 'See it on Live' : 'Open the call'}</Link>
        </p>
      )
    }
  }
}

function AsCommand({ draft: { text, channel, callSid }, workspaceId }: { draft: Draft; workspaceId: string }) {
  const shown = useRef<HTMLPreElement>(null)
  const [copied, setCopied] = useState('')
  const command = curlCommand({
    origin: location.origin,
    workspaceId,
    callSid: channel === 'observer' ? callSid.trim() : undefined,
    body: text,
  })
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(command)
      setCopied('Copied')
    } catch {
      // Without HTTPS there is no clipboard: it is selected instead, for the keyboard to copy.
      if (shown.current) getSelection()?.selectAllChildren(shown.current)
      setCopied('Selected: press Ctrl C or ⌘ C')
    }
  }
  return (
    <div className="same">
      <header>
        <h3>The same in a shell</h3>
        <span className="muted copied" role="status">
          {copied}
        </span>
        <Button onClick={() => void copy()} aria-label="Copy the command">
          Copy
        </Button>
      </header>
      <pre ref={shown}>{command}</pre>
    </div>
  )
}
