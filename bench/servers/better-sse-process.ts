import { createServer } from 'node:http'
import { type Channel, createChannel, createSession } from 'better-sse'
import { LISTEN_BACKLOG, published } from './published.js'

/** better-sse as its documentation shows it: sessions in a channel, and a broadcast for each event. */
const channels = new Map<string, Channel>()
let lastId = 0

function channelOf(path: string): Channel {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const found = channels.get(name) ?? createChannel()
  channels.set(name, found)
  return found
}

createServer(async (req, res) => {
  const channel = channelOf(req.url ?? '')
  if (req.method === 'GET') {
    channel.register(await createSession(req, res, { keepAlive: null }))
    return
  }
  published(req, res, (text) => {
    lastId += 1
    channel.broadcast(JSON.parse(text), 'message', { eventId: String(lastId) })
  })
}).listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: LISTEN_BACKLOG })
