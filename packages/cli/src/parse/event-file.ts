import type { ErrorItem, JsonObject } from '@switchboard/contract'
import { CliError } from '../failure.js'

/** All of a stream's text. */
export async function readText(stream: AsyncIterable<string | Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stream) text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
  return text + decoder.decode()
}

/**
 * Events of a text: one JSON object, a list of them, `{"events": […]}`, or one object a line.
 * @throws CliError `invalid_json` that names the lines that are none.
 */
export function parseEvents(text: string): readonly JsonObject[] {
  const whole = parse(text)
  const events = whole.ok ? eventsOf(whole.value) : linesOf(text)
  if (events.length === 0) throw new CliError('bad_request', 'There are no events in the input.')
  return events
}

type ParsedJson = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string }

function parse(text: string): ParsedJson {
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) }
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function eventsOf(value: unknown): readonly JsonObject[] {
  const list = Array.isArray(value) ? value : isObject(value) && Array.isArray(value.events) ? value.events : [value]
  const wrong = list.findIndex((each) => !isObject(each))
  if (wrong < 0) return list
  throw new CliError(
    'invalid_json',
    list.length === 1 ? 'An event must be a JSON object.' : `Event ${wrong + 1} is not a JSON object.`,
  )
}

function linesOf(text: string): readonly JsonObject[] {
  const events: JsonObject[] = []
  const faults: ErrorItem[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const parsed = parse(line)
    const path = `line ${index + 1}`
    if (!parsed.ok) faults.push({ path, message: `not JSON: ${parsed.message}` })
    else if (!isObject(parsed.value)) faults.push({ path, message: 'not a JSON object' })
    else events.push(parsed.value)
  }
  if (faults.length === 0) return events
  throw new CliError(
    'invalid_json',
    'The input is neither JSON nor one JSON object a line; nothing was sent.',
    undefined,
    faults.slice(0, 20),
  )
}
