import type { IncomingMessage } from 'node:http'
import type { Clock } from '../clock.js'
import type { Engine } from '../log/log.js'
import type { SessionWatch } from '../transport/sessions.js'
import { type Audit, createAudit } from './audit.js'
import { auditKeyUses, type NoteUse } from './key-uses.js'
import { stayAlive } from './processes.js'
import { auditReads, type Reads } from './reads.js'
import { auditStreams } from './streams.js'

export interface TrailDeps {
  readonly engine: Pick<Engine, 'store' | 'ledger'>
  readonly clock: Clock
  readonly addressOf: (request: Pick<IncomingMessage, 'headers' | 'socket'>) => string
  readonly warn: (line: string) => void
}

/** All that a process notes, and how each part of it is told. */
export interface Trail {
  readonly audit: Audit
  readonly reads: Reads
  readonly streams: SessionWatch
  readonly onUse: NoteUse
  /** To be called when all streams are gone. */
  close(): Promise<void>
}

export async function openTrail({ engine, clock, addressOf, warn }: TrailDeps): Promise<Trail> {
  const audit = createAudit({ ledger: engine.ledger, clock, warn })
  const reads = auditReads(audit, clock)
  const streams = auditStreams(audit)
  const end = await stayAlive(engine.store, clock, audit.server)
  return {
    audit,
    reads,
    streams,
    onUse: auditKeyUses(audit, clock, addressOf),
    async close() {
      reads.close()
      await audit.close()
      await end(streams.open === 0 && audit.waiting === 0)
    },
  }
}
