import { useEffect, useMemo, useState } from 'react'
import { Link, useParams } from 'react-router'
import { Button, Chip, Denied, Failing, Loading, useNow } from '../design/parts.js'
import { clockDuration } from '../design/words.js'
import { type CallSnapshot, CallStore } from '../stores/call-store.js'
import { nextFrame } from '../stores/store.js'
import { WatchersStore } from '../stores/watchers-store.js'
import { useDesk, useStore, useWorkspace } from '../workspace.js'
import './call.css'
import { CallHead } from './call-head.js'
import { CallReplay } from './call-replay.js'
import { CallSide } from './call-side.js'
import { ConversationView } from './conversation-view.js'

/** One call, as it is spoken; when it is over, as often as one likes. */
export function CallPage() {
  const { sid = '' } = useParams()
  return <Call key={sid} callSid={sid} />
}

/** What a narrow screen shows of it; a wide one shows both. */
type Part = 'conversation' | 'details'

function Call({ callSid }: { callSid: string }) {
  const { switchboard, feed } = useDesk()
  const present = useWorkspace()
  const [store] = useState(() => new CallStore({ callSid, switchboard, feed, frame: nextFrame }))
  const [watchers] = useState(() => new WatchersStore({ callSid, switchboard, frame: nextFrame }))
  useEffect(() => {
    void store.start()
    return () => store.stop()
  }, [store])
  const call = useStore(store)
  // This page is one of them from when it is connected; while it is not, nobody could answer.
  const isConnected = call.connection.kind === 'live'
  useEffect(() => {
    if (!isConnected) return
    void watchers.start()
    return () => watchers.stop()
  }, [watchers, isConnected])
  const watching = useStore(watchers)
  const now = useNow()
  const [part, setPart] = useState<Part>('conversation')
  const names = useMemo(
    () => new Map([...present.operators.values()].map((each) => [each.operator_id, each.profile.name ?? undefined])),
    [present.operators],
  )
  const nameOf = (operatorId: string | undefined) => (operatorId && names.get(operatorId)) ?? operatorId ?? 'Operator'
  const trouble = troubleOf(call, callSid)
  if (trouble) return trouble
  if (call.phase === 'loading') return <Loading />
  const end = call.over ? Math.max(call.lastAt, call.beginsAt) : now
  return (
    <div className="call-page" data-part={part}>
      <CallHead
        callSid={callSid}
        call={call}
        record={present.calls.get(callSid) ?? call.record}
        nameOf={nameOf}
        watching={watching?.length}
        lasted={clockDuration((call.replay?.at ?? end) - call.beginsAt)}
      />
      {call.gap && <p className="call-note">▲ The beginning of this call is no longer kept.</p>}
      {!call.seesWorkspace && (
        <p className="call-note muted">
          Escalation and operators are not shown: <code>events:read</code> is missing.
        </p>
      )}
      <div className="call-parts">
        <Chip on={part === 'conversation'} onToggle={() => setPart('conversation')}>
          Conversation
        </Chip>
        <Chip on={part === 'details'} onToggle={() => setPart('details')}>
          Details · {call.picture.tools.length} tools
        </Chip>
      </div>
      <div className="call-both">
        <ConversationView picture={call.picture} beginsAt={call.beginsAt} isReplay={!!call.replay} nameOf={nameOf} />
        <CallSide callSid={callSid} call={call} end={end} watchers={watching} />
      </div>
      <CallReplay call={call} end={end} replay={store.replay} />
    </div>
  )
}

/** The page gives way when nothing of the call can be shown. */
function troubleOf({ connection, phase }: CallSnapshot, callSid: string) {
  if (connection.kind !== 'stopped' || phase === 'ready') return undefined
  if (connection.code === 'forbidden' || connection.code === 'unauthenticated')
    return <Denied permission="calls:observe" />
  if (connection.code === 'call_unknown') {
    return (
      <Failing what="No such call" still={`No event of the call ${callSid} is known in this workspace.`}>
        <Link className="button" to="/calls">
          All calls
        </Link>
      </Failing>
    )
  }
  return (
    <Failing what="The call could not be read" still={connection.why}>
      <Button onClick={() => location.reload()}>Try again</Button>
    </Failing>
  )
}
