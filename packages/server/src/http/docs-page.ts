import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Catalogue, OpenApiDocument } from '@switchboard/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { referencePage } from './docs/reference.js'
import { perCatalogue } from './per-catalogue.js'

export interface DocsPageOptions {
  readonly catalogue: Catalogue
  /** The document that this deployment serves, with the event types of the moment. */
  readonly openApi: () => OpenApiDocument
}

/**
 * The reference page, and all it needs, without a request to anywhere else:
 *
 *     /docs          operations, events, failures and shapes as plain HTML; a script filters it
 *     /docs/try      Swagger UI on the same document, to send requests from the browser
 *
 * Addresses inside the pages are relative, so that they also work below a proxy's path prefix.
 */
export async function docsPage(app: FastifyInstance, { catalogue, openApi }: DocsPageOptions): Promise<void> {
  const assets = fileURLToPath(new URL('../../assets/docs/', import.meta.url))
  const swaggerUi = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))

  const page = perCatalogue(catalogue, () => asFile(referencePage(openApi())))
  // Now, so that a catalogue which cannot be described stops the start.
  page()
  serve(app, '/docs', HTML, page, PAGE_POLICY)
  serve(app, '/docs/try', HTML, fixed(join(assets, 'try.html')), TRY_POLICY)
  serve(app, '/docs/docs.css', CSS, fixed(join(assets, 'docs.css')))
  serve(app, '/docs/docs.js', JAVASCRIPT, fixed(join(assets, 'docs.js')))
  serve(app, '/docs/try.js', JAVASCRIPT, fixed(join(assets, 'try.js')))
  serve(app, '/docs/try.css', CSS, fixed(join(assets, 'try.css')))
  serve(app, '/docs/swagger-ui.css', CSS, fixed(join(swaggerUi, 'swagger-ui.css')))
  serve(app, '/docs/swagger-ui-bundle.js', JAVASCRIPT, fixed(join(swaggerUi, 'swagger-ui-bundle.js')))
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

interface File {
  readonly body: string | Buffer
  readonly etag: string
}

/** A file of ours, read once. */
function fixed(path: string): () => File {
  const file = asFile(readFileSync(path))
  return () => file
}

function asFile(body: string | Buffer): File {
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` }
}

/** Serves one file from memory. A browser asks each time whether it has changed, and is told so in 304. */
function serve(app: FastifyInstance, path: string, type: string, file: () => File, policy = PAGE_POLICY): void {
  app.get(path, (request: FastifyRequest, reply: FastifyReply) => {
    const { body, etag } = file()
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
