import { DataErasure, LegalHold, PlaceHold } from '../schemas/privacy.js'
import { onCall, onSurface } from './parameters.js'
import { bodied, guarded, type Route } from './route.js'

const failures = [...guarded, 'invalid_parameter', 'not_found', 'storage_full', 'storage_fault'] as const

const erasing = (what: string) =>
  `Destroys the keys that the personal data of the ${what} is sealed with, in events, history and state alike. Its events keep their positions, so that streams resume as before; readers get them masked and with \`erased: true\`. It cannot be undone. What is published later is kept until the next erasure. A legal hold refuses it.`

const holding = (what: string) =>
  `While the hold stands, the personal data of the ${what} cannot be erased by this API. Retention goes on: it removes what is older than \`SWITCHBOARD_RETENTION\`, held or not.`

const shared = { tag: 'Privacy', permission: 'data:erase' } as const

/** The same for a call and for a surface. */
function erase(what: string) {
  return {
    ...shared,
    method: 'DELETE',
    summary: `Erase the personal data of a ${what}`,
    description: erasing(what),
    answers: { 200: { description: 'It is erased.', content: { 'application/json': DataErasure } } },
  } as const
}

function place(what: string) {
  return {
    ...shared,
    method: 'PUT',
    summary: `Place a legal hold on a ${what}`,
    description: `${holding(what)} A hold that stands is replaced.`,
    body: { 'application/json': PlaceHold },
    answers: { 200: { description: 'It stands.', content: { 'application/json': LegalHold } } },
    failures: [...failures, ...bodied],
  } as const
}

function read(what: string) {
  return {
    ...shared,
    method: 'GET',
    summary: `Read the legal hold of a ${what}`,
    description: holding(what),
    answers: { 200: { description: 'The hold.', content: { 'application/json': LegalHold } } },
    failures,
  } as const
}

function lift(what: string) {
  return {
    ...shared,
    method: 'DELETE',
    summary: `Lift the legal hold of a ${what}`,
    description: 'From then on its personal data can be erased.',
    answers: { 204: { description: 'There is no hold any more.' } },
    failures,
  } as const
}

const CALL = '/v1/{workspace_id}/calls/{call_sid}'
const SURFACE = '/v1/{workspace_id}/surfaces/{surface_id}'

export const privacyRoutes = {
  eraseCallData: {
    ...erase('call'),
    path: `${CALL}/data`,
    params: onCall,
    failures: [...failures, 'call_unknown', 'legal_hold'],
  },
  placeCallHold: { ...place('call'), path: `${CALL}/hold`, params: onCall },
  getCallHold: { ...read('call'), path: `${CALL}/hold`, params: onCall },
  liftCallHold: { ...lift('call'), path: `${CALL}/hold`, params: onCall },
  eraseSurfaceData: {
    ...erase('surface'),
    path: `${SURFACE}/data`,
    params: onSurface,
    failures: [...failures, 'legal_hold'],
  },
  placeSurfaceHold: { ...place('surface'), path: `${SURFACE}/hold`, params: onSurface },
  getSurfaceHold: { ...read('surface'), path: `${SURFACE}/hold`, params: onSurface },
  liftSurfaceHold: { ...lift('surface'), path: `${SURFACE}/hold`, params: onSurface },
} as const satisfies Record<string, Route>
