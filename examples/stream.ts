// Follows a workspace and prints a line for each event, until Ctrl-C.
//
// Shows: the stream with `for await`; a switch that does not compile when a type is left out; going on where it stopped.
//
//   npm run build                          once; the examples use the built SDK
//   export SWITCHBOARD_API_KEY=sb_…        needs events:read
//   export SWITCHBOARD_WORKSPACE=…         the workspace's id
//   node --import tsx examples/stream.ts [position]
//
// Every line begins with the event's position. Give one as the argument to go on after it; 0 begins with the oldest.
import { createSwitchboard, type WorkspaceEvent } from '@switchboard/sdk'

const switchboard = createSwitchboard({
  baseUrl: process.env.SWITCHBOARD_URL ?? 'http://127.0.0.1:8080',
  workspaceId: process.env.SWITCHBOARD_WORKSPACE ?? '',
  credential: process.env.SWITCHBOARD_API_KEY ?? '',
})

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())

const [, , after] = process.argv
const stream = switchboard.events.stream({
  ...(after !== undefined && { after }),
  signal: stop.signal,
  onOpen: ({ position }) => console.error(`connected, at ${position}`),
  onReconnect: ({ delayMs, reason }) => console.error(`lost (${reason.code}), again in ${delayMs} ms`),
  onGap: ({ code, oldest }) => console.error(`events are missing (${code}); going on from ${oldest}`),
})
for await (const { id, event } of stream) console.log(id, event.event_type, about(event))

/** What an event is about. Each arm knows the fields of its types, and no others. */
function about(event: WorkspaceEvent): string {
  switch (event.event_type) {
    case 'call.started':
      return `${event.call_sid} ${event.direction}, from ${event.caller_id ?? 'nobody known'}`
    case 'call.ended':
      return `${event.call_sid} ${event.completion_reason} after ${event.duration_seconds} s`
    case 'call.escalated':
      return `${event.call_sid} ${event.reason}`
    case 'surface.delivered':
      return `${event.surface_id} by ${event.channel}`
    case 'surface.reshaped':
      return `${event.surface_id} from ${event.original_surface_id}`
    case 'surface.review_rejected':
      return `${event.surface_id} ${event.reason ?? ''}`
    case 'surface.created':
    case 'surface.updated':
    case 'surface.archived':
    case 'surface.submitted':
    case 'surface.field_saved':
    case 'surface.opened':
    case 'surface.pending_review':
    case 'surface.review_approved':
      return event.surface_id
    case 'operator.registered':
    case 'operator.profile_updated':
      return event.operator_id
    case 'operator.status_changed':
      return `${event.operator_id} is ${event.status}`
    case 'operator.joined_call':
    case 'operator.mode_changed':
      return `${event.operator_id} on ${event.call_sid}, to ${event.mode}`
    case 'operator.left_call':
      return `${event.operator_id} off ${event.call_sid}`
    case 'operator.wrap_up':
      return `${event.call_sid} ${event.wrap_up_reason ?? ''}`
    case 'pipeline.sync_completed':
      return `${event.data_source_id} ${event.event_count} events in ${event.duration_ms} ms`
    case 'pipeline.error':
      return `${event.data_source_id} ${event.error}`
    case 'channel.email_delivered':
    case 'channel.email_bounced':
    case 'channel.email_complained':
    case 'channel.email_rejected':
    case 'channel.email_delayed':
    case 'channel.email_opened':
    case 'channel.email_clicked':
      return event.email_id
    case 'channel.email_received':
      return event.inbound_email_id
    case 'channel.voicemail_status':
      return `${event.voicemail_id} ${event.status}`
    case 'text.started':
    case 'text.completed':
      return event.session_id
    case 'text.tool_started':
    case 'text.background_result':
      return `${event.conversation_id} ${event.tool_name}`
    case 'text.agent_message':
    case 'integration.approval_granted':
    case 'integration.approval_rejected':
      return event.conversation_id
    case 'trigger.fired':
    case 'trigger.completed':
    case 'trigger.failed':
      return event.trigger_name
    case 'workspace.member_added':
    case 'workspace.member_role_updated':
    case 'workspace.invitation_sent':
    case 'workspace.invitation_accepted':
      return event.role
    case 'review.submitted':
      return event.action
    case 'encounter.updated':
      return event.encounter_entity_id
    case 'self_image.brief_generated':
      return event.target_entity_id
    case 'simulation.turn_stored':
      return `${event.run_id} turn ${event.turn_index}`
    case 'unknown':
      // Newer than this SDK, or the deployment's own: the type and the whole event are there.
      return `(${event.actual_type}) ${JSON.stringify(event.raw)}`
    default:
      return unreachable(event)
  }
}

/** Compiles only where every type has its arm. */
function unreachable(event: never): never {
  throw new Error(`no arm for ${JSON.stringify(event)}`)
}
