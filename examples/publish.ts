// Publishes the story of one call: events of the workspace, and what is said on the call itself.
//
// Shows: publishing one event and several; keys that make a repeated publish harmless; what a refused event tells.
//
//   npm run build                          once; the examples use the built SDK
//   export SWITCHBOARD_API_KEY=sb_…        needs events:write and calls:publish
//   export SWITCHBOARD_WORKSPACE=…         the workspace's id
//   node --import tsx examples/publish.ts [call_sid]
//
// Run it twice with the same call_sid: the second time nothing is stored, and the positions are those of the first.
import { randomBytes } from 'node:crypto'
import { createSwitchboard, isSwitchboardError, type Published } from '@switchboard/sdk'

const switchboard = createSwitchboard({
  baseUrl: process.env.SWITCHBOARD_URL ?? 'http://127.0.0.1:8080',
  workspaceId: process.env.SWITCHBOARD_WORKSPACE ?? '',
  credential: process.env.SWITCHBOARD_API_KEY ?? '',
})

const call_sid = process.argv[2] ?? `CA${randomBytes(16).toString('hex')}`
console.log(`call ${call_sid}`)

// One event. The key names what happened, not this attempt: whoever repeats it, also after a crash, stores it once.
told(
  'started',
  await switchboard.events.publish(
    {
      event_type: 'call.started',
      call_sid,
      direction: 'inbound',
      service_id: '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01',
      caller_id: '+15550142',
    },
    { idempotencyKey: `${call_sid}-started` },
  ),
)

// Several, for whoever observes the call. They are stored together or not at all.
told(
  'talk',
  await switchboard.calls.publish(
    call_sid,
    [
      { type: 'agent_transcript', transcript: 'Harbor Clinic, how can I help?' },
      { type: 'user_transcript', transcript: 'Is the clinic open on Friday?', speaker_role: 'caller' },
      { type: 'tool_call_started', tool_name: 'opening_hours', call_id: 'hours-1', tool_input: { day: 'friday' } },
      { type: 'tool_call_completed', tool_name: 'opening_hours', call_id: 'hours-1', succeeded: true, output: '8-12' },
      { type: 'agent_transcript', transcript: 'From eight until noon.' },
    ],
    { idempotencyKey: `${call_sid}-talk` },
  ),
)

// Not in the past: the server says which field is wrong, and what it accepts.
try {
  await switchboard.events.publish({
    event_type: 'call.ended',
    call_sid,
    direction: 'inbound',
    duration_seconds: -12,
    completion_reason: 'completed',
  })
} catch (error) {
  if (!isSwitchboardError(error) || error.code !== 'invalid_event') throw error
  for (const { path, message } of error.errors ?? []) console.log(`refused: ${path} ${message}`)
}

told(
  'ended',
  await switchboard.events.publish(
    {
      event_type: 'call.ended',
      call_sid,
      direction: 'inbound',
      duration_seconds: 12,
      completion_reason: 'completed',
    },
    { idempotencyKey: `${call_sid}-ended` },
  ),
)

function told(what: string, { ids, replayed }: Published): void {
  console.log(`${what}: ${replayed ? 'stored before' : 'stored'} at ${ids.join(', ')}`)
}
