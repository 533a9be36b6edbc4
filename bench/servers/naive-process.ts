import { createServer, type ServerResponse } from 'node:http'
import { LISTEN_BACKLOG, published } from './published.js'

/** What one writes first: a list of responses, and a write to each for each event. */
const channels = new Map<string, Set<ServerResponse>>()
let lastId = 0

function subscribers(path: string): Set<ServerResponse> {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const found = channels.get(name) ?? new Set()
  channels.set(name, found)
  return found
}

createServer((req, res) => {
  const all = subscribers(req.url ?? '')
  if (req.method === 'GET') {
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    res.flushHeaders()
    all.add(res)
    res.on('close', () => all.delete(res))
    return
  }
  published(req, res, (text) => {
    lastId += 1
    for (const one of all) one.write(`id: ${lastId}\ndata: ${text}\n\n`)
  })
}).listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: LISTEN_BACKLOG })
