import { type JsonObject, SwitchboardError } from '@switchboard/contract'
import { Block } from '../log/block.js'
import type { LedgerDraft } from '../log/ledger.js'
import type {
  Appended,
  Channel,
  Erasure,
  Fault,
  Health,
  Idempotency,
  NewEvent,
  Store,
  StoreChange,
  StoredName,
} from '../log/log.js'
import type { Subject } from '../log/subject.js'
import type { Certificate } from '../ops/certificate.js'
import type { Config } from '../ops/config.js'
import type { Collected, Sample } from '../ops/metrics.js'
import type { TwilioRequest } from '../sources/twilio.js'
import type { Presence } from '../transport/presence.js'
import type { Usage } from './usage.js'

/** What goes over the line between a worker and its parent: what one may ask of the other, and what it is told unasked. */
export interface ParentSide {
  /** What a worker asks of its parent, which alone writes. All of it throws what the log and the store throw. */
  readonly calls: {
    append(channel: Channel, events: EventsJson, request: Idempotency | undefined): Promise<Appended>
    erase(channel: Channel): Promise<void>
    eraseData(workspace: string, subject: Subject, unless: StoredName | undefined): Promise<Erasure>
    retain(before: number): Promise<number>
    verify(): Promise<readonly Fault[]>
    put(kind: string, key: string, value: JsonObject, options: Parameters<Store['put']>[3]): Promise<boolean>
    delete(kind: string, key: string): Promise<boolean>
    appendLedger(workspace: string, drafts: readonly LedgerDraft[]): Promise<void>
    retainLedger(workspace: string, before: number): Promise<number>
    /** Answered behind all that the worker was to be told by then. */
    catchUp(): Promise<void>
    takeSeat(workspace: string): Promise<boolean>
    /** A vendor's callback. Callbacks are put in order, so one process gets them all. */
    receive(callback: TwilioRequest): Promise<void>
    /** The metrics of all processes together. */
    metrics(): Promise<Collected>
    /** Who listens at all processes together. */
    presence(workspace: string): Promise<Presence>
  }
  readonly news: ParentNews
}

export interface WorkerSide {
  readonly calls: {
    /** Opens everything. It listens when all workers have: the first would get all connections otherwise, and keep them. */
    start(order: StartOrder): Promise<void>
    listen(): Promise<ListeningAt>
    /** Stops in order, within the drain time. The line is the parent's to close then, which ends the worker. */
    stop(reason: string): Promise<void>
    measure(): Promise<Sample>
    presence(workspace: string): Promise<Presence>
  }
  readonly news: WorkerNews
}

/** What a worker is told, in this order: what is durable, before anybody is answered that it is. */
export type ParentNews =
  /** Blocks of one flush, in log order. */
  | { readonly kind: 'followed'; readonly blocks: readonly (readonly [Channel, BlockParts])[] }
  | { readonly kind: 'changed'; readonly change: StoreChange }
  /** The keys of a subject are destroyed. */
  | { readonly kind: 'erased'; readonly workspace: string; readonly subject: Subject }
  /** How the parent finds its disk. */
  | { readonly kind: 'health'; readonly health: Health }
  /** The parent lives. To be answered. */
  | { readonly kind: 'pulse' }
  /** What other workers have counted. */
  | { readonly kind: 'used'; readonly usage: Usage }
  /** To be served to new connections. */
  | { readonly kind: 'renewed'; readonly certificate: Certificate }

export type WorkerNews =
  | { readonly kind: 'pulse' }
  /** Something of the file cannot be read. */
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'seat-given'; readonly workspace: string }
  | { readonly kind: 'used'; readonly usage: Usage }
  /** A line for the server's log, as JSON. */
  | { readonly kind: 'logged'; readonly line: string }

export interface StartOrder {
  readonly config: Config
  /** The parent's. A worker of another one, started while the files are being replaced, must not join. */
  readonly version: string
  /** True when the process is a server's own, as the parent's is. */
  readonly ownsProcess: boolean
  readonly logLevel: Config['logLevel']
  /** What to serve HTTPS with. The parent reads it, so that a worker which comes later has what the others have. */
  readonly certificate: Certificate | undefined
}

export interface ListeningAt {
  readonly url: string
  readonly port: number
}

/** A fresh block without its parsed events: whoever wants one parses it. */
export type BlockParts = Pick<Block, 'kind' | 'sequences' | 'times' | 'types' | 'ends' | 'bytes'>

export function partsOf({ kind, sequences, times, types, ends, bytes }: Block): BlockParts {
  return { kind, sequences, times, types, ends, bytes }
}

export function blockOf({ kind, sequences, times, types, ends, bytes }: BlockParts): Block {
  return new Block(kind, sequences, times, types, ends, bytes)
}

/** Events as JSON: to send a text and parse it costs a third of what sending their objects does. */
export type EventsJson = string

/** @throws SwitchboardError `internal` for what is not JSON. */
export function eventsJson(events: readonly NewEvent[]): EventsJson {
  try {
    return JSON.stringify(events)
  } catch (cause) {
    throw new SwitchboardError('internal', 'an event that is not JSON came to the log', { cause })
  }
}

export function eventsOf(text: EventsJson): readonly NewEvent[] {
  return JSON.parse(text)
}
