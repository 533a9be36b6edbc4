import { useEffect, useState } from 'react'
import { Button } from '../design/parts.js'
import { clockDuration } from '../design/words.js'
import { type Mark, marksOf } from '../stores/call-marks.js'
import type { CallSnapshot, CallStore } from '../stores/call-store.js'
import { REPLAY_SPEEDS } from '../stores/replay.js'

interface CallReplayProps {
  readonly call: CallSnapshot
  /** The end of the call's time line, in Unix ms. */
  readonly end: number
  readonly replay: CallStore['replay']
}

/** How far an arrow key moves, in ms. */
const STEP_MS = 5000

/** The call's time line, with a hand that can be moved over it, and what is worth moving it to. */
export function CallReplay({ call, end, replay }: CallReplayProps) {
  const { beginsAt, over, entries } = call
  const [speed, setSpeed] = useState(1)
  const length = Math.max(1, end - beginsAt)
  const at = call.replay?.at ?? end
  const playing = call.replay?.playing === true
  const toggle = () => {
    if (playing) replay.pause()
    // At its end there is nothing to go on with: it begins anew.
    else replay.play(beginsAt)
  }
  const move = (byMs: number) => replay.seek(Math.min(end, Math.max(beginsAt, at + byMs)))
  useReplayKeys(toggle, move)
  const choose = (value: number) => {
    setSpeed(value)
    replay.setSpeed(value)
  }
  return (
    <footer className="call-replay">
      <Button onClick={toggle} aria-label={playing ? 'Pause' : call.replay ? 'Play on' : 'Play from the beginning'}>
        {playing ? 'Ⅱ' : '▶'}
      </Button>
      <time>{clockDuration(at - beginsAt)}</time>
      <div className="scrubber">
        <input
          type="range"
          aria-label="Moment of the call"
          aria-valuetext={clockDuration(at - beginsAt)}
          min={0}
          max={length}
          step={1}
          value={Math.min(length, at - beginsAt)}
          onChange={(event) => replay.seek(beginsAt + Number(event.target.value))}
          onKeyDown={(event) => {
            // By itself it would move a millisecond at a time.
            if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
            event.preventDefault()
            move(event.key === 'ArrowLeft' ? -STEP_MS : STEP_MS)
          }}
        />
        <span className="marks" aria-hidden="true">
          {marksOf(entries).map((mark: Mark) => (
            <span
              key={mark.id}
              className={`mark ${mark.tone}`}
              title={mark.text}
              style={{ insetInlineStart: `${Math.min(100, ((mark.at - beginsAt) / length) * 100)}%` }}
            />
          ))}
        </span>
      </div>
      <time>{clockDuration(length)}</time>
      <select
        className="field"
        aria-label="Speed"
        value={speed}
        onChange={(event) => choose(Number(event.target.value))}
      >
        {REPLAY_SPEEDS.map((each) => (
          <option key={each} value={each}>
            {each}×
          </option>
        ))}
      </select>
      <Button onClick={() => replay.leave()} disabled={!call.replay}>
        {over ? 'End' : '● Live'}
      </Button>
    </footer>
  )
}

/** Space plays and pauses, arrows move the hand. */
function useReplayKeys(toggle: () => void, move: (byMs: number) => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const { key, target, ctrlKey, metaKey, altKey } = event
      if (ctrlKey || metaKey || altKey) return
      if (target instanceof HTMLElement && target.closest('input, select, button, a, summary')) return
      if (key === ' ') {
        event.preventDefault()
        toggle()
      }
      if (key === 'ArrowLeft') move(-STEP_MS)
      if (key === 'ArrowRight') move(STEP_MS)
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  })
}
