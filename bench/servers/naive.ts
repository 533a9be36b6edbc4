import { startNodePeer } from './node-peer.js'
import type { Product } from './server.js'

/** Thirty lines of `node:http`. */
export const naive: Product = {
  name: 'res.write',
  protocols: ['sse'],
  resumes: false,
  advice: '',
  version: async () => process.version,
  start: (stage, needs) => startNodePeer(stage, 'naive-process.ts', needs),
}
