import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join, relative, sep } from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "font-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

interface Asset {
  readonly body: Buffer
  readonly type: string
  readonly etag: string
}

/** Where the console's build is; undefined when the install has left it out. */
function consoleFolder(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('@switchboard/console/package.json')), 'dist/site')
  } catch {
    return undefined
  }
}

/**
 * The console, from memory. Its files are read once, so that what is asked for is looked up in a list and is never a path.
 * Addresses below `/console/` that are no file are the page's own, and get the page.
 */
export async function consolePage(app: FastifyInstance, options: { readonly folder?: string } = {}): Promise<void> {
  const assets = readAll(options.folder ?? consoleFolder())
  const index = assets.get('index.html')
  app.get('/console', (_, reply) => reply.redirect('/console/'))
  app.get('/console/*', (request: FastifyRequest<{ Params: { '*': string } }>, reply: FastifyReply) => {
    const name = request.params['*']
    const hashed = name.startsWith('assets/')
    // An asset of an older build is missing, not a page: a script that is HTML would be a riddle.
    const asset = assets.get(name) ?? (hashed ? undefined : index)
    reply.headers({
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': hashed && asset ? 'public, max-age=31536000, immutable' : 'no-cache',
    })
    if (asset === undefined) {
      const why = index ? 'This file is not part of the console.' : 'The console was not built: run `npm run build`.'
      return reply.code(404).type('text/plain; charset=utf-8').send(`${why}\n`)
    }
    reply.header('etag', asset.etag)
    if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send()
    return reply.type(asset.type).send(asset.body)
  })
}

function readAll(folder: string | undefined): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>()
  if (folder === undefined || !existsSync(folder)) return assets
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const body = readFileSync(path)
    assets.set(relative(folder, path).split(sep).join('/'), {
      body,
      type: TYPES[extname(path)] ?? 'application/octet-stream',
      etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    })
  }
  return assets
}
