/** How the number of an event, and when it was sent, stand in the bytes of a stream. */
export interface Marks {
  /** Stands before the number. */
  readonly number: string
  /** Stands between the number and when it was sent: µs of the machine's monotonic clock, on top of `SENT_BASE`. */
  readonly sent: string
}

/** An event that can be told from others of its kind by its number. */
export interface NumberedEvent {
  readonly marks: Marks
  text(number: number, sent: number, source: number): string
}

/** Numbers from here on have the same length for long, so that they can be put into bytes that are ready otherwise. */
export const NUMBER_BASE = 1_000_000_000
/** The same for moments, in µs. */
export const SENT_BASE = 1e15

/** State changes as it would when events go round between so many data sources. */
export const SOURCES = 10
const FILL = 'x'.repeat(80)

export function sourceName(index: number): string {
  return `source-${index % SOURCES}-${FILL}`
}

/** Of a workspace: 205 bytes. It is validated, changes a record of the state, and is stored like all others. */
export const syncCompleted: NumberedEvent = {
  marks: { number: '"event_count":', sent: ',"duration_ms":' },
  text: (number, sent, source) =>
    `{"event_type":"pipeline.sync_completed","data_source_id":"${sourceName(source)}","event_count":${number},"duration_ms":${sent}}`,
}

/** Of a workspace, with two fields that not everybody may see. */
export const surfaceDelivered: NumberedEvent = {
  marks: { number: '"number ', sent: ' sent ' },
  text: (number, sent, source) =>
    `{"event_type":"surface.delivered","surface_id":"surface-${source % SOURCES}","entity_id":"entity-1","channel":"sms","delivery_status":"number ${number} sent ${sent}","channel_address":"+15550142","short_url":"https://forms.example/s/7Qm2"}`,
}

/** Of a call: 170 bytes. */
export const agentTranscript: NumberedEvent = {
  marks: { number: '"number ', sent: ' sent ' },
  text: (number, sent) => `{"type":"agent_transcript","transcript":"${FILL}","action":"number ${number} sent ${sent}"}`,
}

/** A body of one event, or of several that are stored together. */
export function bodyText(first: number, count: number): string {
  const text = (number: number) => syncCompleted.text(number, 0, number)
  if (count === 1) return text(first)
  return `{"events":[${Array.from({ length: count }, (_, index) => text(first + index)).join(',')}]}`
}
