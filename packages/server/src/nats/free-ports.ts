import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { SwitchboardError } from '@switchboard/contract'

/**
 * Below the ports that systems give to outgoing connections. A node that is killed and started again has to find its
 * port free, and a client that tries to reconnect meanwhile must not be given that very port for its own end.
 */
const PORT_MIN = 15_000
const PORT_MAX = 29_999
const TRIES_MAX = 200

/** Different ports that are free now. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<readonly number[]> {
  const held = new Map<number, Server>()
  try {
    for (let tries = 0; held.size < count; tries++) {
      if (tries === TRIES_MAX)
        throw new SwitchboardError('unavailable', `No ${count} free ports between ${PORT_MIN} and ${PORT_MAX}.`)
      const port = randomInt(PORT_MIN, PORT_MAX + 1)
      const server = held.has(port) ? undefined : await hold(port, host)
      if (server !== undefined) held.set(port, server)
    }
    return [...held.keys()]
  } finally {
    await Promise.all([...held.values()].map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

/** Undefined when somebody else has it. */
async function hold(port: number, host: string): Promise<Server | undefined> {
  const server = createServer()
  server.listen(port, host)
  try {
    await once(server, 'listening')
    return server
  } catch {
    return undefined
  }
}
