import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { OpenApiDocument } from '@switchboard/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { referencePage } from './docs/reference.js'

export interface DocsPageOptions {
  /** The document that this deployment serves, with its own event types. */
  readonly openapi: OpenApiDocument
}

/**
 * The reference page, and all it needs, without a request to anywhere else:
 *
 *     /docs          operations, events, failures and shapes as plain HTML; a script filters it
 *     /docs/try      Swagger UI on the same document, to send requests from the browser
 *
 * Addresses inside the pages are relative, so that they also work below a proxy's path prefix.
 */
export async function docsPage(app: FastifyInstance, { openapi }: DocsPageOptions): Promise<void> {
  const assets = fileURLToPath(new URL('../../assets/docs/', import.meta.url))
  const swaggerUi = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))

  serve(app, '/docs', HTML, referencePage(openapi), PAGE_POLICY)
  serve(app, '/docs/try', HTML, readFileSync(join(assets, 'try.html')), TRY_POLICY)
  serve(app, '/docs/docs.css', CSS, readFileSync(join(assets, 'docs.css')))
  serve(app, '/docs/docs.js', JAVASCRIPT, readFileSync(join(assets, 'docs.js')))
  serve(app, '/docs/try.js', JAVASCRIPT, readFileSync(join(assets, 'try.js')))
  serve(app, '/docs/try.css', CSS, readFileSync(join(assets, 'try.css')))
  serve(app, '/docs/swagger-ui.css', CSS, readFileSync(join(swaggerUi, 'swagger-ui.css')))
  serve(app, '/docs/swagger-ui-bundle.js', JAVASCRIPT, readFileSync(join(swaggerUi, 'swagger-ui-bundle.js')))
  // As people type it. Relative addresses in the page need the path without the slash.
  if (app.initialConfig.ignoreTrailingSlash !== true) app.get('/docs/', (_, reply) => reply.redirect('../docs'))
}

const HTML = 'text/html; charset=utf-8'
const CSS = 'text/css; charset=utf-8'
const JAVASCRIPT = 'text/javascript; charset=utf-8'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
]
const PAGE_POLICY = [...POLICY, "style-src 'self'"].join('; ')
/** Swagger UI writes `style` attributes. */
const TRY_POLICY = [...POLICY, "style-src 'self' 'unsafe-inline'"].join('; ')

/** Serves one file from memory. A browser asks each time whether it has changed, and is told so in 304. */
function serve(app: FastifyInstance, path: string, type: string, body: string | Buffer, policy = PAGE_POLICY): void {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  app.get(path, (request: FastifyRequest, reply: FastifyReply) => {
    reply.headers({
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
      etag,
    })
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    return reply.type(type).send(body)
  })
}
