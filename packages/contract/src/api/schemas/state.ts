import type { Static } from 'typebox'
import { Type } from '../../type.js'
import { page } from './page.js'
import { instant, nullable, personalText, positionText, seconds } from './text.js'

/**
 * The present, folded from the past: the records of `../../state`, described. A record may begin with any event
 * (history is kept for a while only), so whatever no event has told yet is null. Every time in it is the log's own.
 */
const id = (description: string) => Type.String({ description })
const text = (description: string) => nullable(Type.String(), description)
const time = (description: string) => nullable(instant('An instant.'), description)
const count = (description: string) => Type.Integer({ minimum: 0, description })
const mode = Type.Enum(['listen', 'takeover'], {
  description: '`listen`: heard by nobody. `takeover`: speaks, and the agent is silent.',
})

export const Escalation = Type.Object(
  {
    escalation_id: id('The request for a person.'),
    trigger: text('Who asked for a person: `caller`, `ai` or `operator`.'),
    reason: nullable(personalText('A reason.'), 'Why a person was asked for. Personal data.'),
    requested_at: instant('When a person was asked for.'),
    status: Type.Enum(['requested', 'connected', 'handback', 'completed'], {
      description:
        '`requested`: nobody has come yet. `connected`: an operator has joined or speaks. `handback`: the operators have left or only listen, the agent speaks again. `completed`: the call is over.',
    }),
  },
  { title: 'Escalation', description: 'The latest request for a person on a call.' },
)

export const OperatorOnCall = Type.Object(
  { operator_id: id('The operator.'), mode, joined_at: instant('When the operator joined.') },
  { title: 'OperatorOnCall', description: 'An operator who is on a call now.' },
)

export const CallState = Type.Object(
  {
    call_sid: id('The call.'),
    status: Type.Enum(['active', 'ended'], { description: '`active` until the call has ended. It never goes back.' }),
    direction: text('`inbound`, `outbound`, `playground`, `simulated` or `test`.'),
    service_id: text('The service that answers.'),
    caller_id: nullable(personalText('A phone number or name.'), 'The number of the other party. Personal data.'),
    started_at: instant('When `call.started` was stored, or else the first event of the call.'),
    ended_at: time('When the call ended.'),
    duration_seconds: nullable(seconds('Seconds.'), 'Length of an ended call.'),
    completion_reason: text('Why it ended.'),
    escalated: Type.Boolean({ description: 'A person was asked for at some time.' }),
    escalation: nullable(Escalation, 'The latest request for a person.'),
    operators: Type.Array(OperatorOnCall, { description: 'Operators on the call now, in the order they joined.' }),
    current_state: text("Where the agent's conversation stands, in the agent's own words."),
    muted: Type.Boolean({ description: "True while the agent's voice is off." }),
    wrap_up_reason: text('How the operator closed the intervention.'),
    session_ended: Type.Boolean({ description: 'True once the observer has told `session_end`.' }),
  },
  { title: 'CallState', description: 'A call, as its events have told so far.' },
)

export const CurrentCall = Type.Object(
  { call_sid: id('The call.'), mode, since: instant('When the operator joined it.') },
  { title: 'CurrentCall', description: 'The call an operator is on.' },
)

export const OperatorState = Type.Object(
  {
    operator_id: id('The operator.'),
    status: nullable(Type.Enum(['online', 'busy', 'offline']), "The operator's availability."),
    status_since: time('When the status last changed.'),
    registered_at: time('When the operator was registered.'),
    current_call: nullable(CurrentCall, 'The call the operator is on.'),
    calls_joined: count('Calls joined so far.'),
    profile: Type.Record(Type.String(), nullable(personalText('A value.'), 'Personal data.'), {
      description: 'Profile fields by name, each as last changed. Personal data.',
    }),
    last_wrap_up_reason: text('How the operator closed the latest intervention.'),
    updated_at: instant('When an event last changed it.'),
  },
  { title: 'OperatorState', description: 'An operator, as the events have told so far.' },
)

export const SurfaceState = Type.Object(
  {
    surface_id: id('The surface.'),
    entity_id: text('Whom or what the form is about.'),
    stage: Type.Enum(
      ['created', 'pending_review', 'delivered', 'opened', 'partial', 'completed', 'rejected', 'archived'],
      { description: 'How far it has come. `partial`: fields have been saved. `completed`: it was submitted.' },
    ),
    stage_since: instant('When it came to this stage.'),
    created_at: instant('When it was created, or else first heard of.'),
    channel: text('How it is delivered: `sms`, `whatsapp`, `imessage`, `email`, `voice` or `web`.'),
    fields_count: nullable(count('Fields.'), 'How many fields the form has.'),
    fields_saved: Type.Array(Type.String(), {
      description: 'Keys of the fields saved so far, in order of first save.',
    }),
    delivery_status: text('What the carrier said of the delivery.'),
    submitted_at: time('When it was submitted.'),
    review: nullable(Type.Enum(['pending', 'approved', 'rejected']), 'How the latest review stands.'),
    review_reason: nullable(personalText('A reason.'), 'Why a review rejected it. Personal data.'),
    original_surface_id: text('The surface it was reshaped from.'),
  },
  { title: 'SurfaceState', description: 'A surface, as its events have told so far.' },
)

export const DataSourceState = Type.Object(
  {
    data_source_id: id('The data source.'),
    health: Type.Enum(['healthy', 'failing'], { description: 'What the last result says of it.' }),
    last_result: Type.Enum(['success', 'error'], { description: 'How the last sync went.' }),
    last_success_at: time('When the last good sync was stored.'),
    last_error_at: time('When the last error was stored.'),
    last_error: text('What the last error said. It stays after a good sync.'),
    streak: count('How many times in a row the last result came.'),
    syncs: count('Good syncs so far.'),
    errors: count('Errors so far.'),
    last_event_count: nullable(count('Events.'), 'Events that the last good sync brought.'),
    last_duration_ms: nullable(
      Type.Number({ minimum: 0, 'x-unit': 'ms' }),
      'How long the last good sync took, in milliseconds.',
    ),
    events_total: count('Events that all syncs brought.'),
  },
  { title: 'DataSourceState', description: 'A data source, as its syncs have told so far.' },
)

export const CallList = page('CallList', CallState, 'Calls of the workspace.')
export type CallList = Static<typeof CallList>
export const OperatorList = page('OperatorList', OperatorState, 'Operators of the workspace.')
export type OperatorList = Static<typeof OperatorList>
export const SurfaceList = page('SurfaceList', SurfaceState, 'Surfaces of the workspace.')
export type SurfaceList = Static<typeof SurfaceList>
export const DataSourceList = page('DataSourceList', DataSourceState, 'Data sources of the workspace.')
export type DataSourceList = Static<typeof DataSourceList>

export const CallAnswer = Type.Object(
  { call: CallState, position: positionText('Stream after it to see what happens next.') },
  { title: 'CallAnswer', description: 'One call, and where the workspace channel stood when it was read.' },
)
export type CallAnswer = Static<typeof CallAnswer>

export const WorkspaceState = Type.Object(
  {
    calls: Type.Array(CallState, { description: 'Calls, active ones first.' }),
    operators: Type.Array(OperatorState),
    surfaces: Type.Array(SurfaceState),
    sources: Type.Array(DataSourceState),
    has_more: Type.Boolean({ description: 'True when a part was cut short: read its list for the rest.' }),
    position: positionText('Where the workspace channel stood: streaming after it misses nothing and repeats nothing.'),
  },
  { title: 'WorkspaceState', description: 'Everything the workspace knows of the present, at one position.' },
)
export type WorkspaceState = Static<typeof WorkspaceState>
