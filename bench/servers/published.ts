import type { IncomingMessage, ServerResponse } from 'node:http'

/** Connections that may wait to be taken: as many as the audience opens at a time, and more. */
export const LISTEN_BACKLOG = 4096

/** Reads the body of a publish, hands it on, and answers. */
export function published(req: IncomingMessage, res: ServerResponse, take: (text: string) => void): void {
  let text = ''
  req.setEncoding('utf8')
  req.on('data', (more: string) => {
    text += more
  })
  req.on('end', () => {
    take(text)
    res.writeHead(202, { 'content-length': 0 }).end()
  })
}
