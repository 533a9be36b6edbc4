import { useEffect, useRef } from 'react'
import { Link, useSearchParams } from 'react-router'
import { Button, Duration } from '../design/parts.js'
import {
  CALLS_PER_MINUTE_MAX,
  mustAsk,
  RUN_MINUTES_MAX,
  type Simulation,
  type SimulationStore,
  SPEEDS,
} from '../stores/simulation-store.js'
import { useStore, useWorkspace } from '../workspace.js'
import { Refused } from './try-refused.js'

const PHASES: Readonly<Record<Simulation['phase'], string>> = {
  idle: '',
  running: '● Running in this tab',
  closing: '◐ Hanging up open calls',
  ended: 'Ended: no call is left open',
  failed: '',
}

interface Props {
  readonly store: SimulationStore
  /** Undefined until it is known. */
  readonly workspaceId: string | undefined
}

export function TrySimulator({ store, workspaceId }: Props) {
  const told = useStore(store)
  const workspace = useWorkspace()
  const [query, setQuery] = useSearchParams()
  const question = useRef<HTMLDialogElement>(null)
  const first = useRef<HTMLButtonElement>(null)
  const { phase, callsPerMinute, speed, active, refusal } = told
  const busy = phase === 'running' || phase === 'closing'
  const asks = mustAsk(workspace, told)
  // What is asked names the workspace, and whether to ask depends on what is in it.
  const known = workspaceId !== undefined && workspace.phase === 'ready'
  const begin = () => (asks ? question.current?.showModal() : void store.start())
  const agree = () => {
    question.current?.close()
    void store.start()
  }
  const wanted = query.get('start') !== null
  useEffect(() => {
    if (!wanted || !known) return
    setQuery({}, { replace: true })
    if (busy) return
    // An address only asks: it takes a press of a person to write into a log.
    if (asks) question.current?.showModal()
    else first.current?.focus()
  }, [wanted, known, asks, busy, setQuery])
  return (
    <section className="simulator" aria-label="Made-up activity">
      <h2>Made-up activity</h2>
      <p className="muted">
        Calls, forms, operators and data sources that never were, published from this tab, also while you look at other
        pages. It ends by itself after {RUN_MINUTES_MAX} minutes; stop it before you close the tab, or its calls stay
        open.
      </p>
      <div className="controls">
        <label>
          <span>
            Calls a minute <output className="figures">{callsPerMinute}</output>
          </span>
          <input
            type="range"
            min={1}
            max={CALLS_PER_MINUTE_MAX}
            value={callsPerMinute}
            disabled={busy}
            onChange={(event) => store.configure({ callsPerMinute: event.target.valueAsNumber })}
          />
        </label>
        <label>
          <span>Speed</span>
          <select
            className="field"
            value={speed}
            disabled={busy}
            onChange={(event) => store.configure({ speed: Number(event.target.value) })}
          >
            {SPEEDS.map((each) => (
              <option key={each} value={each}>
                {each === 1 ? 'as in life' : `${each} times faster`}
              </option>
            ))}
          </select>
        </label>
        {busy ? (
          <Button strong onClick={() => store.stop()} disabled={phase === 'closing'}>
            Stop
          </Button>
        ) : (
          <button type="button" ref={first} className="button strong" onClick={begin} disabled={!known}>
            {phase === 'idle' ? 'Start' : 'Start again'}
          </button>
        )}
        <strong className="phase" role="status">
          {PHASES[phase]}
        </strong>
      </div>
      {phase !== 'idle' && <Figures told={told} />}
      {phase === 'failed' && refusal && (
        <>
          <Refused title="The story has stopped" refusal={refusal} />
          {active > 0 && (
            <p>
              Calls left open: {active.toLocaleString()}. <Button onClick={() => void store.hangUp()}>Hang up</Button>
            </p>
          )}
        </>
      )}
      <dialog ref={question} aria-labelledby="question">
        <h2 id="question">Write made-up events into this workspace?</h2>
        <p>
          Other things have happened in <code>{workspaceId}</code>. What is made up stands beside them in its log for
          good, and everybody who listens hears it.
        </p>
        <div className="controls">
          <Button onClick={() => question.current?.close()}>Cancel</Button>
          <Button strong onClick={agree}>
            Write them
          </Button>
        </div>
      </dialog>
    </section>
  )
}

function Figures({ told: { events, calls, active, seconds } }: { told: Simulation }) {
  const figures = [
    ['Events', events.toLocaleString()],
    ['Calls', calls.toLocaleString()],
    ['Under way', active.toLocaleString()],
    ['Story time', <Duration key="time" ms={seconds * 1000} />],
  ] as const
  return (
    <>
      <dl className="sums">
        {figures.map(([name, figure]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="figures">{figure}</dd>
          </div>
        ))}
      </dl>
      <p>
        Watch it on <Link to="/calls">Calls</Link> or <Link to="/live">Live</Link>.
      </p>
    </>
  )
}
