// Sits in on one call: prints what is said and which tools run, from the call's beginning, until it ends.
//
// Shows: an observation with `for await`; a switch on `type`; tool calls paired by `call_id`.
//
//   npm run build                          once; the examples use the built SDK
//   export SWITCHBOARD_API_KEY=sb_…        needs calls:observe; events:read to find a call; pii:read to read what is said
//   export SWITCHBOARD_WORKSPACE=…         the workspace's id
//   node --import tsx examples/observe.ts [call_sid]
//
// Without an argument it takes the first active call.
import { createSwitchboard } from '@switchboard/sdk'

const switchboard = createSwitchboard({
  baseUrl: process.env.SWITCHBOARD_URL ?? 'http://127.0.0.1:8080',
  workspaceId: process.env.SWITCHBOARD_WORKSPACE ?? '',
  credential: process.env.SWITCHBOARD_API_KEY ?? '',
})

const callSid = process.argv[2] ?? (await firstActiveCall())
if (callSid === undefined) {
  console.error('No call is active. Make some with: npx switchboard simulate')
  process.exit(1)
}

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())

const observation = switchboard.calls.observe(callSid, {
  signal: stop.signal,
  onLive: () => console.error('that was the past; what follows happens now'),
})
for await (const { event } of observation) {
  switch (event.type) {
    case 'session_info':
      console.log(`${event.call_sid}, ${event.direction ?? 'direction unknown'}`)
      break
    case 'user_transcript':
      console.log(`${event.speaker_role ?? 'caller'}: ${event.transcript}`)
      break
    case 'agent_transcript':
      console.log(`agent: ${event.transcript}${event.interrupted ? ' (interrupted)' : ''}`)
      break
    case 'tool_call_started':
      console.log(`  ${event.call_id} ${event.tool_name} …`)
      break
    case 'tool_call_completed':
      console.log(`  ${event.call_id} ${event.tool_name} ${event.succeeded === false ? 'failed' : 'done'}`)
      break
    case 'forward_call_resolved':
      console.log(`  forwarded to ${event.location_name ?? event.target_number ?? 'nobody'}`)
      break
    case 'session_end':
      console.log(`the call is over: ${event.completion_reason ?? 'no reason given'}`)
      break
    default:
      // What this program does not care for, types that are newer than the SDK included.
      break
  }
}

async function firstActiveCall(): Promise<string | undefined> {
  for await (const { call_sid } of switchboard.calls.list({ status: 'active' })) return call_sid
  return undefined
}
