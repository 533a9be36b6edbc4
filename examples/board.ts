// A live board of the calls of a workspace: who is on the phone, who needs a person, who has one. Until Ctrl-C.
//
// Shows: state first, then the stream after the state's position, so that nothing is missed and nothing comes twice;
// and the same again when the stream tells of a gap.
//
//   npm run build                          once; the examples use the built SDK
//   export SWITCHBOARD_API_KEY=sb_…        needs events:read
//   export SWITCHBOARD_WORKSPACE=…         the workspace's id
//   node --import tsx examples/board.ts
//
// On a terminal it redraws; into a file or a pipe it writes one JSON line for every change.
import { createSwitchboard, type WorkspaceEvent } from '@switchboard/sdk'

const switchboard = createSwitchboard({
  baseUrl: process.env.SWITCHBOARD_URL ?? 'http://127.0.0.1:8080',
  workspaceId: process.env.SWITCHBOARD_WORKSPACE ?? '',
  credential: process.env.SWITCHBOARD_API_KEY ?? '',
})

interface Row {
  readonly direction: string
  readonly needs_person: boolean
  readonly operators: readonly string[]
}

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())

while (!stop.signal.aborted) {
  // 1. Where things stand, and the position at which that is so.
  const { board, position } = await load()
  show(board)

  // 2. What has happened since, and what happens now.
  const stream = switchboard.events.stream({
    types: ['call.*', 'operator.*'],
    after: position,
    signal: stop.signal,
    // 3. Events are missing, so the board may be wrong: leave the loop below, and begin with the state again.
    onGap: () => stream.close(),
  })
  for await (const { event } of stream) {
    if (change(board, event)) show(board)
  }
}

async function load(): Promise<{ board: Map<string, Row>; position: string }> {
  const { position } = await switchboard.state.get()
  // Read after the position, page by page: the board is at least as new as the position, and an event that it has in it
  // already leads to the same board when it comes again.
  const board = new Map<string, Row>()
  for await (const call of switchboard.calls.list({ status: 'active' })) {
    const operators = call.operators.map(({ operator_id }) => operator_id)
    const needs_person = call.escalation?.status === 'requested'
    board.set(call.call_sid, { direction: call.direction ?? 'unknown', needs_person, operators })
  }
  return { board, position }
}

/** Takes one event into the board. False when it changes nothing. */
function change(board: Map<string, Row>, event: WorkspaceEvent): boolean {
  if (!('call_sid' in event)) return false
  const row = board.get(event.call_sid)
  switch (event.event_type) {
    case 'call.started':
      if (row !== undefined) return false
      board.set(event.call_sid, { direction: event.direction, needs_person: false, operators: [] })
      return true
    case 'call.ended':
      return board.delete(event.call_sid)
    case 'call.escalated':
      if (row === undefined || row.operators.length > 0) return false
      board.set(event.call_sid, { ...row, needs_person: true })
      return true
    case 'operator.joined_call':
      if (row === undefined || row.operators.includes(event.operator_id)) return false
      board.set(event.call_sid, { ...row, needs_person: false, operators: [...row.operators, event.operator_id] })
      return true
    case 'operator.left_call':
      if (!row?.operators.includes(event.operator_id)) return false
      board.set(event.call_sid, { ...row, operators: row.operators.filter((id) => id !== event.operator_id) })
      return true
    default:
      return false
  }
}

function show(board: ReadonlyMap<string, Row>): void {
  if (!process.stdout.isTTY) {
    console.log(JSON.stringify(Object.fromEntries(board)))
    return
  }
  console.clear()
  const rows = [...board].map(([call_sid, row]) => ({ call_sid, ...row, operators: row.operators.join(', ') }))
  if (rows.length === 0) console.log('No call is active.')
  else console.table(rows)
}
