import type { CallState } from '@switchboard/contract/state'
import {
  type EventTypeInfo,
  listEventTypes,
  type ObserverEventInput,
  type Switchboard,
  type WorkspaceEventInput,
} from '@switchboard/sdk'
import type { Random } from '@switchboard/simulator'
import { belonging, freshIds, madeUpCall } from './fresh-ids.js'
import { type JsonFault, readJson } from './json-text.js'
import { type ChannelKind, type Refusal, refusalOf } from './refusal.js'
import { type Frame, Store } from './store.js'

type Json = Readonly<Record<string, unknown>>

/** What became of the last press on Publish. */
export type Outcome =
  | { readonly kind: 'none' }
  /** Nothing was sent: the text is no JSON object. */
  | { readonly kind: 'malformed'; readonly fault: JsonFault }
  | { readonly kind: 'sending' }
  /** It is on disk at this position, on the stream of the workspace or on that of a call. */
  | { readonly kind: 'published'; readonly position: string; readonly callSid: string | undefined }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

export interface Draft {
  readonly catalogue:
    | { readonly kind: 'loading' }
    | { readonly kind: 'ready'; readonly types: readonly EventTypeInfo[]; readonly workspaceId: string }
    | { readonly kind: 'failed'; readonly why: string }
  readonly channel: ChannelKind
  readonly type: EventTypeInfo | undefined
  /** The event as it stands in the editor. */
  readonly text: string
  /** True once somebody has changed the example. */
  readonly edited: boolean
  /** The call that an observer event is published to. */
  readonly callSid: string
  readonly outcome: Outcome
}

export interface PublishStoreOptions {
  readonly switchboard: Pick<Switchboard, 'events' | 'calls' | 'workspaces' | 'rest'>
  readonly frame: Frame
  readonly random: Random
  /** The calls of the workspace as they stand. */
  readonly calls: () => Iterable<CallState>
}

/** One event of the catalogue, made ready and published. */
export class PublishStore extends Store<Draft> {
  readonly #options: PublishStoreOptions

  constructor(options: PublishStoreOptions) {
    super(
      {
        catalogue: { kind: 'loading' },
        channel: 'workspace',
        type: undefined,
        text: '',
        edited: false,
        callSid: '',
        outcome: { kind: 'none' },
      },
      options.frame,
    )
    this.#options = options
  }

  /** Reads the catalogue of this deployment, unless it is known. */
  async load(): Promise<void> {
    if (this.latest.catalogue.kind === 'ready') return
    this.#change({ catalogue: { kind: 'loading' } })
    const { workspaces, rest } = this.#options.switchboard
    try {
      const { id } = await workspaces.get()
      const { data } = await listEventTypes({ client: rest, path: { workspace_id: id }, throwOnError: true })
      this.#change({ catalogue: { kind: 'ready', types: data.items, workspaceId: id } })
      this.#chooseFirst()
    } catch (error) {
      this.#change({ catalogue: { kind: 'failed', why: refusalOf(error, this.latest.channel).why } })
    }
  }

  chooseChannel(channel: ChannelKind): void {
    if (channel === this.latest.channel) return
    const { random, calls } = this.#options
    const callSid = this.latest.callSid || (newestCall(calls()) ?? madeUpCall(random))
    this.#change({ channel, callSid })
    this.#chooseFirst()
  }

  /** Its example takes the place of the text. */
  choose(type: EventTypeInfo): void {
    this.#change({ type, text: this.#written(type.example), edited: false, outcome: { kind: 'none' } })
  }

  edit(text: string): void {
    this.#change({ text, edited: true })
  }

  /** An example follows the call it goes to; what somebody has written is left alone. */
  chooseCall(callSid: string): void {
    this.#change({ callSid })
    const { type, edited } = this.latest
    if (type && !edited) this.#change({ text: this.#written(type.example) })
  }

  /** The ids of the text are replaced, so that it tells of another thing. */
  renew(): void {
    const event = this.#read()
    if (event === undefined) return
    const text = this.#written(freshIds(event, this.#options.random))
    this.#change({ text, edited: true, outcome: { kind: 'none' } })
  }

  async publish(): Promise<void> {
    if (this.latest.outcome.kind === 'sending') return
    const event = this.#read()
    if (event === undefined) return
    const { channel } = this.latest
    const callSid = channel === 'observer' ? this.latest.callSid.trim() : undefined
    this.#change({ outcome: { kind: 'sending' } })
    try {
      const position = await this.#send(event, callSid)
      this.#change({ outcome: { kind: 'published', position, callSid } })
    } catch (error) {
      this.#change({ outcome: { kind: 'refused', refusal: refusalOf(error, channel) } })
    }
  }

  async #send(event: Json, callSid: string | undefined): Promise<string> {
    const { events, calls } = this.#options.switchboard
    // The server judges it: to send what the types refuse is one of the things to try.
    const { ids } =
      callSid === undefined
        ? await events.publish(event as unknown as WorkspaceEventInput)
        : await calls.publish(callSid, event as unknown as ObserverEventInput)
    return ids.at(-1) ?? ''
  }

  /** The text as an event, or undefined when it is none; the outcome then tells why. */
  #read(): Json | undefined {
    const reading = readJson(this.latest.text)
    const fault = 'fault' in reading ? reading.fault : notAnObject(reading.value)
    if (fault === undefined && 'value' in reading) return reading.value as Json
    if (fault) this.#change({ outcome: { kind: 'malformed', fault } })
    return undefined
  }

  #written(event: Json): string {
    const { catalogue, channel, callSid } = this.latest
    const workspaceId = catalogue.kind === 'ready' ? catalogue.workspaceId : ''
    const here = { workspaceId, callSid: channel === 'observer' ? callSid : undefined }
    return JSON.stringify(belonging(event, here), null, 2)
  }

  #chooseFirst(): void {
    const { catalogue, channel } = this.latest
    if (catalogue.kind !== 'ready') return
    const first = catalogue.types.find((type) => type.channel === channel)
    if (first) this.choose(first)
  }

  #change(change: Partial<Draft>): void {
    this.set({ ...this.latest, ...change })
  }
}

function notAnObject(value: unknown): JsonFault | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return undefined
  return { at: 0, line: 1, column: 1, message: 'an event is a JSON object' }
}

/** The call that began last among those under way. */
function newestCall(calls: Iterable<CallState>): string | undefined {
  let newest: CallState | undefined
  for (const call of calls) {
    if (call.status === 'ended') continue
    if (newest === undefined || call.started_at > newest.started_at) newest = call
  }
  return newest?.call_sid
}
