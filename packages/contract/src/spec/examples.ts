import type { JsonObject } from '../catalogue/define.js'

/** Realistic bodies, by the name of their schema. Every one of them fits its schema (a test sees to it). */

const workspaceId = '0192f7a4-5c1e-7d3b-9a60-2b8f4c7e1d05'
const callSid = 'CA5f0c1d2e3b4a59687786a5b4c3d2e1f0'
const position = '1795255288000-41'
const serviceId = '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01'
const operatorId = '2a9d6e70-8b14-4c3f-a1d2-5e7f90b1c203'

const workspace = {
  id: workspaceId,
  name: 'Harbor Clinic',
  slug: 'harbor-clinic',
  extra_fields: 'refuse',
  created_at: '2026-11-22T08:00:00.000Z',
}

const key = {
  key_id: '7Qm2xVtB9cLd',
  name: 'Wallboard in the front office',
  permissions: ['events:read', 'calls:observe'],
  created_at: '2026-11-22T08:05:00.000Z',
  expires_at: '2027-02-20T08:05:00.000Z',
}

const stream = {
  connection_id: '5f0c1f0e-8f55-4ba0-9d4e-1f3f1b0c6a77',
  kind: 'observer',
  call_sid: callSid,
  key_id: key.key_id,
  key_name: key.name,
  credential: 'api-key',
  opened_at: '2026-11-22T08:00:03.000Z',
  position,
  lag: 0,
  types: ['session_end'],
  masked: true,
}

const watcher = {
  connection_id: stream.connection_id,
  name: key.name,
  credential: 'api-key',
  since: stream.opened_at,
  masked: true,
}

const noted = {
  sequence: 42,
  time: '2026-11-22T08:00:03.000Z',
  workspace_id: workspaceId,
  actor: { kind: 'api-key', key_id: key.key_id, token_id: null },
  action: 'observer.opened',
  target: { kind: 'call', id: callSid },
  personal_data: 'masked',
  request_id: stream.connection_id,
  address: '192.0.2.17',
  server: '0d5c7c52-8a0e-4f0e-9a3b-0a4f6c3a2b11',
  details: { stream: 7, from: 'live', types: ['session_end'], filters: [] },
  previous: 'e4ed94e1b6b8c3a9e6f7a1d3c5b7092846fa1c3e5d7b9f0a2c4e6d8b0f1a3c5e',
  hash: '8a9a471f39ae3a80d09f0331bc35e8f6a8ac5f1c8b27fa1c4de0ba1c1c2a7a6e',
}

const call = {
  call_sid: callSid,
  status: 'active',
  direction: 'inbound',
  service_id: serviceId,
  caller_id: '+15550142',
  started_at: '2026-11-22T08:00:00.012Z',
  ended_at: null,
  duration_seconds: null,
  completion_reason: null,
  escalated: true,
  escalation: {
    escalation_id: 'esc_0193f2',
    trigger: 'caller',
    reason: 'asked for a person, desk closed',
    requested_at: '2026-11-22T08:00:08.914Z',
    status: 'connected',
  },
  operators: [{ operator_id: operatorId, mode: 'takeover', joined_at: '2026-11-22T08:00:21.406Z' }],
  current_state: 'human_segment',
  muted: true,
  wrap_up_reason: null,
  session_ended: false,
}

const operator = {
  operator_id: operatorId,
  status: 'busy',
  status_since: '2026-11-22T08:00:21.507Z',
  registered_at: '2026-11-22T07:55:00.000Z',
  current_call: { call_sid: callSid, mode: 'takeover', since: '2026-11-22T08:00:21.406Z' },
  calls_joined: 1,
  profile: { name: 'Mara Lind' },
  last_wrap_up_reason: null,
  updated_at: '2026-11-22T08:00:30.210Z',
}

const surface = {
  surface_id: 'b2f1c0de-77aa-4bcd-8e21-6c0d9f3a5b09',
  entity_id: '31415926-5358-4979-8323-846264338308',
  stage: 'partial',
  stage_since: '2026-11-22T09:13:51.002Z',
  created_at: '2026-11-22T08:15:00.000Z',
  channel: 'sms',
  fields_count: 2,
  fields_saved: ['pharmacy'],
  delivery_status: 'delivered',
  submitted_at: null,
  review: 'approved',
  review_reason: null,
  original_surface_id: '9e8d7c6b-5a49-4382-b716-05f4e3d2c107',
}

const source = {
  data_source_id: 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05',
  health: 'failing',
  last_result: 'error',
  last_success_at: '2026-11-22T07:30:00.000Z',
  last_error_at: '2026-11-22T08:00:00.000Z',
  last_error: 'GET /Patient: 503 after 3 tries',
  streak: 1,
  syncs: 12,
  errors: 1,
  last_event_count: 184,
  last_duration_ms: 12740,
  events_total: 2210,
}

/** A page that is the last one, of a list that a channel carries. */
const lastPage = (items: readonly unknown[], at: string | null = position): JsonObject => ({
  items,
  has_more: false,
  continuation_token: null,
  position: at,
})

const gap = {
  code: 'history_truncated',
  requested: '1794650400000-7',
  oldest: '1794650488000-12',
  newest: position,
  state_url: `/v1/${workspaceId}/state`,
}

export const schemaExamples: Readonly<Record<string, JsonObject>> = {
  CreateWorkspace: { name: 'Harbor Clinic', slug: 'harbor-clinic' },
  Workspace: workspace,
  WorkspaceList: lastPage([workspace], null),
  CreateApiKey: { name: key.name, permissions: key.permissions, duration_days: 90 },
  ApiKey: key,
  ApiKeyWithSecret: { api_key: 'sb_7Qm2xVtB9cLd_EXAMPLE', ...key },
  ApiKeyList: lastPage([key], null),
  CreateAccessToken: { permissions: ['calls:observe'], call_sids: [callSid], ttl_seconds: 900 },
  AccessToken: {
    access_token: 'eyJhbGciOiJIUzI1NiJ9.EXAMPLE.EXAMPLE',
    permissions: ['calls:observe'],
    call_sids: [callSid],
    expires_at: '2026-11-22T08:20:00.000Z',
  },
  CredentialInfo: {
    kind: 'api-key',
    key_id: key.key_id,
    name: key.name,
    permissions: key.permissions,
    call_sids: null,
    expires_at: key.expires_at,
    workspace: { id: workspaceId, name: workspace.name, slug: workspace.slug },
  },
  OpenStream: stream,
  OpenStreamList: lastPage([stream], null),
  Watcher: watcher,
  WatcherList: lastPage([watcher], null),
  AuditList: { ...lastPage([noted], null), head: { sequence: noted.sequence, hash: noted.hash }, anchor: null },
  Activity: {
    since: '2026-11-22T07:00:00.000Z',
    streams_open: 3,
    refusals: [{ code: 'credential_expired', count: 2, last_at: '2026-11-22T08:01:00.000Z' }],
    published: 1204,
  },
  PublishAnswer: { ids: [position] },
  CallList: lastPage([call]),
  CallAnswer: { call, position },
  OperatorList: lastPage([operator]),
  SurfaceList: lastPage([surface]),
  DataSourceList: lastPage([source]),
  WorkspaceState: {
    calls: [call],
    operators: [operator],
    surfaces: [surface],
    sources: [source],
    has_more: false,
    position,
  },
  SetTwilioSecret: { auth_token: 'EXAMPLE-auth-token', service_id: serviceId },
  TwilioSecret: { is_set: true, service_id: serviceId, updated_at: '2026-11-22T08:06:00.000Z' },
  TwilioCallback: { CallSid: callSid, AccountSid: 'AC00112233445566778899aabbccddeeff', CallStatus: 'in-progress' },
  Health: { status: 'ok', version: '0.1.0' },
  Readiness: { status: 'ready', checks: [{ name: 'storage', ok: true }] },
  StreamOpened: {
    code: 'ok',
    connection_id: '3f9c2d10',
    max_streams_per_workspace: 1000,
    resumed: false,
  },
  StreamGap: gap,
  StreamError: { code: 'too_many_streams', message: 'The workspace has 1000 streams open.', max_streams: 1000 },
  SessionLive: { type: 'session_live', id: position },
  ObserverGap: { type: 'stream.gap', ...gap },
  ObserverHeartbeat: { heartbeat: 1795255303000 },
}

/** The position that examples of history give their first event. */
export const examplePosition = position

export { lastPage }
