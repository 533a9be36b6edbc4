import { limits, type Permission, permissionNames, permissions } from '@switchboard/contract/core'
import type { ApiKey } from '@switchboard/sdk'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { Button, Denied, EmptyState, Failing, Loading } from '../design/parts.js'
import { KeysStore } from '../stores/keys-store.js'
import { nextFrame } from '../stores/store.js'
import { useDesk, useStore } from '../workspace.js'
import './access.css'
import { Trail } from './trail.js'

/** What is about to be done to a key, and waits for a yes. */
interface Asked {
  readonly act: 'rotate' | 'revoke'
  readonly key: ApiKey
}

export function KeysPage() {
  const { switchboard } = useDesk()
  const [store] = useState(() => new KeysStore({ switchboard, frame: nextFrame }))
  const snapshot = useStore(store)
  useEffect(() => void store.load(), [store])
  const names = new Map(snapshot.kind === 'ready' ? snapshot.keys.map(({ key_id, name }) => [key_id, name]) : [])
  return (
    <div className="access">
      <h1>Keys</h1>
      <Keys store={store} />
      <Trail nameOf={(keyId) => names.get(keyId)} />
    </div>
  )
}

function Keys({ store }: { store: KeysStore }) {
  const snapshot = useStore(store)
  const [asked, setAsked] = useState<Asked>()
  if (snapshot.kind === 'loading') return <Loading />
  if (snapshot.kind === 'denied') return <Denied permission={snapshot.permission} />
  if (snapshot.kind === 'failed') {
    return (
      <Failing what="The keys could not be read" still={`${snapshot.why} Keys that there are go on working.`}>
        <Button onClick={() => void store.load()}>Try again</Button>
      </Failing>
    )
  }
  const { keys, made, wrong, busy } = snapshot
  return (
    <>
      {wrong !== undefined && (
        <p className="wrong" role="alert">
          ✕ {wrong}
        </p>
      )}
      {made && <Secret name={made.name} secret={made.secret} onDone={() => store.putAway()} />}
      <section aria-label="Keys of this workspace">
        <h2>
          In use <span className="figures">{keys.length}</span>
        </h2>
        {keys.length === 0 ? (
          <EmptyState title="No keys yet">Programs need one to listen and to publish: create it below.</EmptyState>
        ) : (
          <ul>
            {keys.map((key) => (
              <Row key={key.key_id} apiKey={key} busy={busy} onAsk={(act) => setAsked({ act, key })} />
            ))}
          </ul>
        )}
      </section>
      <Create busy={busy} store={store} />
      {asked && (
        <Confirm
          asked={asked}
          onClose={() => setAsked(undefined)}
          onYes={() => void (asked.act === 'rotate' ? store.rotate(asked.key.key_id) : store.revoke(asked.key.key_id))}
        />
      )}
    </>
  )
}

interface RowProps {
  readonly apiKey: ApiKey
  readonly busy: boolean
  readonly onAsk: (act: Asked['act']) => void
}

function Row({ apiKey: { key_id, name, permissions: granted, created_at, expires_at }, busy, onAsk }: RowProps) {
  const isExpired = expires_at !== null && Date.parse(expires_at) <= Date.now()
  return (
    <li className="key" data-key={key_id}>
      <span>
        <strong dir="auto">{name}</strong>
        <br />
        <code className="muted">{key_id}</code>
      </span>
      <span>{granted.join(', ')}</span>
      <span className="muted">
        created {day(created_at)}
        <br />
        {expires_at === null ? 'never expires' : `${isExpired ? '✕ expired' : 'expires'} ${day(expires_at)}`}
      </span>
      <span className="acts">
        {!isExpired && (
          <Button disabled={busy} aria-label={`Rotate ${name}`} onClick={() => onAsk('rotate')}>
            Rotate
          </Button>
        )}
        <Button disabled={busy} aria-label={`Revoke ${name}`} onClick={() => onAsk('revoke')}>
          Revoke
        </Button>
      </span>
    </li>
  )
}

function day(instant: string) {
  return <time dateTime={instant}>{new Date(instant).toLocaleDateString()}</time>
}

function Secret({ name, secret, onDone }: { name: string; secret: string; onDone: () => void }) {
  const [copied, setCopied] = useState<'no' | 'yes' | 'refused'>('no')
  const copy = () => {
    // Without TLS a browser offers no clipboard.
    const written = navigator.clipboard?.writeText(secret) ?? Promise.reject(new Error('no clipboard'))
    written.then(
      () => setCopied('yes'),
      () => setCopied('refused'),
    )
  }
  const words = { no: '', yes: 'Copied.', refused: 'The browser does not let it be copied: select it.' }
  return (
    <section className="secret" aria-label="New secret">
      <h2>
        The secret of <bdi>{name}</bdi>
      </h2>
      <p>Copy it now: it is not shown again, and nobody can look it up.</p>
      <code data-testid="secret">{secret}</code>
      <p className="acts">
        <Button strong onClick={copy}>
          Copy
        </Button>
        <Button onClick={onDone}>I have it</Button>
        <output>{words[copied]}</output>
      </p>
    </section>
  )
}

function Create({ store, busy }: { store: KeysStore; busy: boolean }) {
  const [chosen, setChosen] = useState<readonly Permission[]>(['events:read'])
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    const fields = new FormData(form)
    const days = String(fields.get('days'))
    const name = String(fields.get('name'))
    const key = { name, permissions: [...chosen], ...(days !== '' && { duration_days: Number(days) }) }
    if (await store.create(key)) form.reset()
  }
  const toggle = (permission: Permission) =>
    setChosen(chosen.includes(permission) ? chosen.filter((other) => other !== permission) : [...chosen, permission])
  return (
    <section aria-label="Create a key">
      <h2>Create a key</h2>
      <form className="create" onSubmit={(event) => void submit(event)}>
        <label>
          Name
          <input className="field" name="name" required pattern=".*\S.*" maxLength={limits.nameCharsMax} dir="auto" />
        </label>
        <label>
          Days until it expires, never when left empty
          <input className="field" name="days" type="number" min={1} max={limits.keyDaysMax} />
        </label>
        <fieldset>
          <legend>What it may do</legend>
          {permissionNames.map((permission) => (
            <label key={permission} className="choice">
              <input
                type="checkbox"
                name={permission}
                checked={chosen.includes(permission)}
                onChange={() => toggle(permission)}
              />
              <span>
                <code>{permission}</code> <span className="muted">{permissions[permission]}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <Button type="submit" strong disabled={busy || chosen.length === 0}>
          Create the key
        </Button>
      </form>
    </section>
  )
}

const consequences = {
  rotate:
    'The present secret stops working at once. Streams that were opened with it, and with its access tokens, end within 2 seconds. Name, permissions and expiry stay.',
  revoke:
    'The key stops working at once and for good. Streams that were opened with it, and with its access tokens, end within 2 seconds.',
} as const

function Confirm({ asked, onYes, onClose }: { asked: Asked; onYes: () => void; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  const verb = asked.act === 'rotate' ? 'Rotate' : 'Revoke'
  const yes = () => {
    onYes()
    onClose()
  }
  return (
    <dialog ref={dialog} className="confirm" aria-labelledby="confirm-title" onClose={onClose}>
      <h2 id="confirm-title">
        {verb} <bdi>{asked.key.name}</bdi>?
      </h2>
      <p>{consequences[asked.act]}</p>
      <p className="acts">
        <Button onClick={onClose}>Keep it as it is</Button>
        <Button strong onClick={yes}>
          {verb} it
        </Button>
      </p>
    </dialog>
  )
}
