import { readFileSync } from 'node:fs'
import { startNodePeer } from './node-peer.js'
import type { Product } from './server.js'

const packageFile = new URL('../../node_modules/better-sse/package.json', import.meta.url)

/** A library for Node.js that does what it says. */
export const betterSse: Product = {
  name: 'better-sse',
  protocols: ['sse'],
  resumes: false,
  advice: 'npm install',
  async version() {
    try {
      return (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version
    } catch {
      return undefined
    }
  },
  start: (stage, needs) => startNodePeer(stage, 'better-sse-process.ts', needs),
}
