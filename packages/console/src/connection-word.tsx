import { useRef } from 'react'
import { Button, useNow } from './design/parts.js'
import { clockTime } from './design/words.js'
import type { Connection } from './stores/connection.js'
import type { WorkspaceSnapshot } from './stores/workspace-store.js'
import { useDesk, useWorkspace } from './workspace.js'

/** Where the stream stands, in one place and always. */
export function ConnectionWord() {
  const { connection, gap, folded } = useWorkspace()
  const { workspace } = useDesk()
  const now = useNow()
  const rate = useRate(folded, now)
  return (
    <output className="status">
      {gap && <GapWord gap={gap} onSeen={() => workspace.forgetGap()} />}
      <Word connection={connection} now={now} rate={rate} />
    </output>
  )
}

function GapWord({ gap, onSeen }: { gap: NonNullable<WorkspaceSnapshot['gap']>; onSeen: () => void }) {
  const when = (ms: number | undefined) => (ms === undefined ? '?' : clockTime(new Date(ms), false))
  return (
    <span className="connection wrong">
      ▲ gap: {when(gap.from)} to {when(gap.to)} is no longer kept{' '}
      <Button onClick={onSeen} aria-label="I have seen the gap">
        ✕
      </Button>
    </span>
  )
}

function Word({ connection, now, rate }: { connection: Connection; now: number; rate: number }) {
  switch (connection.kind) {
    case 'live':
      return (
        <span className="connection live">
          <b>●</b> live <span className="muted wide">· {rate.toLocaleString()} ev/s</span>
        </span>
      )
    case 'connecting':
      return <span className="connection muted">○ connecting</span>
    case 'catching-up':
      return <span className="connection">◐ catching up ({connection.behind.toLocaleString()} behind)</span>
    case 'reconnecting': {
      const seconds = Math.max(0, Math.ceil((connection.at - now) / 1000))
      return (
        <span className="connection" title={connection.why}>
          ○ reconnecting{seconds > 0 ? ` in ${seconds} s` : ' now'}
        </span>
      )
    }
    case 'stopped':
      return (
        <span className="connection wrong" title={connection.why}>
          ✕ stopped: {connection.code}
        </span>
      )
  }
}

/** Seconds that a rate is the mean of: long enough to be read. */
const RATE_SECONDS = 5

/** Events a second, from how many there were at each of the last seconds. */
function useRate(count: number, now: number): number {
  const seen = useRef<{ readonly now: number; readonly count: number }[]>([])
  if (seen.current.at(-1)?.now !== now) seen.current = [...seen.current, { now, count }].slice(-RATE_SECONDS - 1)
  const [first] = seen.current
  if (first === undefined || first.now === now) return 0
  return Math.round(((count - first.count) / (now - first.now)) * 1000)
}
