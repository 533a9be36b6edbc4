import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'

/** Headers that a browser's script may read beside the plain ones. */
const EXPOSED = ['x-request-id', 'retry-after', 'idempotent-replayed']
/** Headers that a browser's script may send. */
const ALLOWED = ['authorization', 'content-type', 'idempotency-key', 'last-event-id', 'x-request-id']
/** How long a browser may remember a preflight, in seconds: a withdrawn origin is served no longer than this. */
const PREFLIGHT_SECONDS = 600

/**
 * Headers that keep browsers from doing more with an answer than it is meant for, and the origins whose scripts may read
 * answers at all. Without origins only pages of this server's own origin may.
 */
export async function registerSecurity(app: FastifyInstance, allowedOrigins: readonly string[]): Promise<void> {
  await app.register(helmet, {
    // For JSON. A page that is served from here says itself what it needs.
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    referrerPolicy: { policy: 'no-referrer' },
    // Whether the way here is encrypted is the proxy's to know and to say.
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
  })
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
