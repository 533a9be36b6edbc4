// A page that follows a workspace with the browser's own EventSource, and the small server that lets it.
//
// Shows: how a browser gets in without ever holding an API key. The key stays here; the page asks for an access token,
// which lives a few minutes, may only read, and is asked for again when it has expired.
//
//   npm run build                          once; the examples use the built SDK
//   SWITCHBOARD_ALLOWED_ORIGINS=http://127.0.0.1:3000 npm start      the server must know the page's origin
//   export SWITCHBOARD_API_KEY=sb_…        needs events:read
//   export SWITCHBOARD_WORKSPACE=…         the workspace's id
//   node --import tsx examples/browser/server.ts
//
// Then open http://127.0.0.1:3000. PORT takes another port, TOKEN_SECONDS another life of the tokens.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createSwitchboard } from '@switchboard/sdk'

const url = process.env.SWITCHBOARD_URL ?? 'http://127.0.0.1:8080'
const workspaceId = process.env.SWITCHBOARD_WORKSPACE ?? ''
const port = Number(process.env.PORT ?? 3000)
const ttl_seconds = Number(process.env.TOKEN_SECONDS ?? 300)

const switchboard = createSwitchboard({ baseUrl: url, workspaceId, credential: process.env.SWITCHBOARD_API_KEY ?? '' })

const files: Readonly<Record<string, readonly [name: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
}

const server = createServer(async (request, response) => {
  const path = request.url ?? ''
  try {
    const file = files[path]
    if (request.method === 'GET' && file !== undefined) {
      const [name, type] = file
      response.setHeader('content-type', type)
      response.end(await readFile(new URL(name, import.meta.url)))
    } else if (request.method === 'POST' && path === '/token') {
      // A real application checks here that somebody is signed in, and which workspace is theirs.
      const { access_token } = await switchboard.tokens.create({ permissions: ['events:read'], ttl_seconds })
      const stream = `${url}/v1/${workspaceId}/events/stream`
      response.setHeader('content-type', 'application/json')
      response.setHeader('cache-control', 'no-store')
      response.end(JSON.stringify({ stream, access_token }))
    } else {
      response.writeHead(404).end()
    }
  } catch (error) {
    console.error(error)
    response.writeHead(502).end()
  }
})
server.listen(port, '127.0.0.1', () => console.log(`open http://127.0.0.1:${port}`))
