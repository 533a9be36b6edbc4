import { fileURLToPath } from 'node:url'
import { freePorts } from '../../packages/server/src/nats/free-ports.js'
import type { Stage } from '../stage.js'
import { type Needs, type Server, serverOfPaths } from './server.js'
import { startProgram } from './start-program.js'

/** Starts a program of this folder that takes `POST /publish/CHANNEL` and serves `GET /sse/CHANNEL`. */
export async function startNodePeer(stage: Stage, file: string, needs: Needs): Promise<Server> {
  const [port = 0] = await freePorts(1)
  const program = fileURLToPath(new URL(file, import.meta.url))
  const { pid, end } = await startProgram(stage, {
    command: [process.execPath, '--import', 'tsx', program, String(port)],
    folder: stage.newFolder('node'),
    port,
  })
  return serverOfPaths(needs, { port, pid, end })
}
