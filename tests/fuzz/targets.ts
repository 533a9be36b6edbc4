import type { Target } from './target.js'
import * as clients from './targets/clients.js'
import * as contract from './targets/contract.js'
import * as server from './targets/server.js'

const { position, types, event, catalogue } = contract
const { query, headers, json, lines, block, message, token, twilio, settings } = server
const { sse, timeline, duration, commandLine } = clients

/** Every parser of what others send. */
export const targets: readonly Target[] = [
  ...[position, types, event, catalogue],
  ...[query, headers, json, lines, block, message, token, twilio, settings],
  ...[sse, timeline, duration, commandLine],
]
