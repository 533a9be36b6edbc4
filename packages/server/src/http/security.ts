import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

/**
 * What keeps browsers from doing more with an answer than it is meant for. For JSON: a page that is served from here
 * says itself what it needs. That a name is only to be reached over TLS (HSTS) would hold for every port of it, and is for
 * whoever has the name to say.
 */
const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

/** On every answer, beside the request's id. */
export const COMMON_HEADERS = { ...SECURITY_HEADERS, 'cache-control': 'no-store' } as const

/** Headers that a browser's script may read beside the plain ones. */
const EXPOSED = ['x-request-id', 'retry-after', 'idempotent-replayed']
/** Headers that a browser's script may send. */
const ALLOWED = ['authorization', 'content-type', 'idempotency-key', 'last-event-id', 'x-request-id']
/** How long a browser may remember a preflight, in seconds: a withdrawn origin is served no longer than this. */
const PREFLIGHT_SECONDS = 600

/** Lets scripts of these origins read answers. Without any, only pages of this server's own origin may. */
export async function registerOrigins(app: FastifyInstance, allowedOrigins: readonly string[]): Promise<void> {
  if (allowedOrigins.length === 0) return
  const allowed = new Set(allowedOrigins)
  await app.register(cors, {
    // Exact comparison, and the origin echoed: never `*`, never a suffix.
    origin: (origin, answer) => answer(null, origin !== undefined && allowed.has(origin) ? origin : false),
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ALLOWED,
    exposedHeaders: EXPOSED,
    maxAge: PREFLIGHT_SECONDS,
    credentials: false,
    strictPreflight: false,
  })
}
