import { once } from 'node:events'
import { type IncomingMessage, request as send } from 'node:http'
import { connect } from 'node:tls'

/** A server that this process has started, as it is reached from here. */
export interface OwnServer {
  readonly address: string
  readonly port: number
  /** SHA-256 of the certificate that it serves with, as `X509Certificate.fingerprint256` has it. */
  readonly fingerprint: string
}

/**
 * A `fetch` for the requests that a new server gets from the process that started it. It takes that server's certificate
 * and no other, whoever signed it and whatever its name: nobody else knows yet that it is to be trusted.
 */
export function fetchFrom({ address, port, fingerprint }: OwnServer): typeof globalThis.fetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input)
    // Checked by its fingerprint, before anything is sent.
    const socket = connect({ host: address, port, rejectUnauthorized: false })
    try {
      await once(socket, 'secureConnect')
      if (socket.getPeerX509Certificate()?.fingerprint256 !== fingerprint) {
        throw new Error(`another server than the one that was started answers on port ${port}`)
      }
      const { method = 'GET', headers, body, signal } = init
      const request = send({
        createConnection: () => socket,
        method,
        path: url.pathname + url.search,
        headers: { host: url.host, ...Object.fromEntries(new Headers(headers)) },
        ...(signal && { signal }),
      })
      request.end(typeof body === 'string' ? body : undefined)
      const [answer] = (await once(request, 'response')) as [IncomingMessage]
      const pieces: Buffer[] = []
      for await (const piece of answer) pieces.push(piece)
      // A status that has no body, such as 204, must not be given an empty one.
      return new Response(pieces.length === 0 ? null : Buffer.concat(pieces), { status: answer.statusCode ?? 0 })
    } finally {
      socket.destroy()
    }
  }
}
