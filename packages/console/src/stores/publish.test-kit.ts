import { builtinCatalogue, type JsonObject } from '@switchboard/contract'
import { type EventTypeInfo, type Published, type Switchboard, SwitchboardError } from '@switchboard/sdk'

/** What was published where; `call` is undefined for the workspace stream. */
export interface Sent {
  readonly call: string | undefined
  readonly events: readonly JsonObject[]
}

/** The catalogue as a server tells it. */
export const types: readonly EventTypeInfo[] = builtinCatalogue.all().map((type) => ({
  type: type.type,
  channel: type.channel,
  family: type.family,
  title: type.title,
  meaning: type.meaning,
  schema_name: type.schemaName,
  custom: type.custom,
  example: type.example,
  personal_data: Object.keys(type.fields).filter((name) => name === 'caller_id'),
  schema: { ...type.delivered },
}))

/** A server that keeps what is published, and refuses when a test wants it to. */
export class PublishStand {
  readonly sent: Sent[] = []
  /** Asked before each publish: an error to refuse it with. */
  refuse: (call: string | undefined) => SwitchboardError | undefined = () => undefined
  /** Refuses to tell the catalogue. */
  silent = false

  readonly switchboard = {
    workspaces: { get: async () => ({ id: 'w1', name: 'Harbor Clinic' }) },
    rest: { get: () => this.catalogue() },
    events: { publish: (events: JsonObject) => this.publish(undefined, events) },
    calls: { publish: (call: string, events: JsonObject) => this.publish(call, events) },
  } as unknown as Switchboard

  /** Every event in the order in which it was published. */
  get events(): readonly JsonObject[] {
    return this.sent.flatMap(({ events }) => events)
  }

  private async catalogue() {
    if (this.silent) throw new SwitchboardError('unavailable', 'try later')
    return { data: { items: types } }
  }

  private async publish(call: string | undefined, given: JsonObject | readonly JsonObject[]): Promise<Published> {
    const events = Array.isArray(given) ? given : [given]
    const error = this.refuse(call)
    if (error) throw error
    const before = this.events.length
    this.sent.push({ call, events })
    return { ids: events.map((_, n) => `9-${before + n + 1}`), replayed: false }
  }
}

export const forbidden = (permission: string) =>
  new SwitchboardError('forbidden', `The credential lacks the permission ${permission}.`)
