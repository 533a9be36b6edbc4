import type { TObject, TSchema } from 'typebox'
import type { FailureCode } from '../failures.js'
import type { Permission } from '../permissions.js'

/**
 * What a caller must hold. Besides the permissions:
 * - `none`: nothing.
 * - `admin`: the admin key.
 * - `api-key`: an API key of the workspace, whatever it permits, or the admin key. No access token: it cannot renew itself.
 * - `any`: a valid credential, whatever it permits and wherever it belongs.
 * - `signature`: no bearer; the request is signed by the vendor that sends it.
 */
export type RoutePermission = Permission | 'none' | 'admin' | 'any' | 'api-key' | 'signature'

/** Groups of routes, in the order the reference shows them. */
export const tags = {
  Events: 'Publish workspace events, read them back, and follow them as they happen.',
  Calls: 'The observer of a call, and what was said on it.',
  State: 'What is so now, folded from the events, at a position to stream from.',
  Sources: 'Callbacks of vendors that become events.',
  Privacy: 'Personal data: erasing it, and keeping it from being erased.',
  Access: 'API keys and access tokens of a workspace.',
  Workspaces: 'Tenants.',
  Operations: 'Health, metrics and the documents.',
} as const

export type Tag = keyof typeof tags

export interface RouteAnswer {
  readonly description: string
  /** Schema by content type; left out: no body. */
  readonly content?: { readonly [contentType: string]: TSchema }
  /** Headers worth naming besides `x-request-id`, which every answer has. */
  readonly headers?: { readonly [name: string]: TSchema }
}

/**
 * One route, said once: the server registers it, the OpenAPI document describes it, the SDK calls it.
 * Paths hold their parameters in braces: `/v1/{workspace_id}/events`.
 */
export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  /** A few words, an imperative. */
  readonly summary: string
  /** Markdown. */
  readonly description: string
  readonly tag: Tag
  readonly permission: RoutePermission
  readonly params?: TObject
  readonly query?: TObject
  /** Lower-case names. */
  readonly headers?: TObject
  /** Accepted bodies by content type. A route that has it needs a body. */
  readonly body?: { readonly [contentType: string]: TSchema }
  /** By HTTP status, failures apart. */
  readonly answers: { readonly [status: number]: RouteAnswer }
  /** What it may answer instead: all of it, and nothing else but `general`. */
  readonly failures: readonly FailureCode[]
  /** The answer goes on for as long as the stream does. */
  readonly streaming?: 'sse' | 'websocket'
}

/** The path as Fastify writes it: `/v1/:workspace_id/events`. */
export function colonPath(path: string): string {
  return path.replaceAll(/\{([a-z_]+)\}/g, ':$1')
}

/** What any request may be answered with, whatever its route: it is malformed, or asks for or brings what is not there. */
export const general = [
  'bad_request',
  'not_found',
  'method_not_allowed',
  'request_timeout',
  'invalid_parameter',
  'invalid_json',
  'body_too_large',
  'unsupported_media_type',
] as const satisfies readonly FailureCode[]

/** Failures of every route that needs a credential. */
export const guarded = [
  'unauthenticated',
  'credential_expired',
  'credential_revoked',
  'forbidden',
  'rate_limited',
  'internal',
  'unavailable',
  'server_draining',
] as const satisfies readonly FailureCode[]

/** Failures of every route that reads a JSON body. */
export const bodied = [
  'bad_request',
  'invalid_json',
  'request_timeout',
  'body_too_large',
  'unsupported_media_type',
  'invalid_request',
] as const satisfies readonly FailureCode[]
