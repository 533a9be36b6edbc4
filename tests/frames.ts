import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Json } from './kit.js'

/** Says what is wrong with a frame, or nothing. */
export interface FrameChecker {
  /** A frame of the workspace stream: its `event:` and its `data:`. */
  stream(type: string, data: Json): string | undefined
  /** A message of an observer. */
  observer(message: Json): string | undefined
}

interface Union {
  readonly discriminator: { readonly mapping: Readonly<Record<string, string>> }
}

/** Control frames and the schemas that describe them. */
const streamFrames: Readonly<Record<string, string>> = {
  'stream.opened': 'StreamOpened',
  'stream.gap': 'StreamGap',
  error: 'StreamError',
}
const observerFrames: Readonly<Record<string, string>> = { 'stream.gap': 'ObserverGap', session_live: 'SessionLive' }

/** Checks frames against the document that the server itself serves: what is on the wire is what was promised. */
export async function frameChecker(url: string): Promise<FrameChecker> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
    components: { schemas: Record<string, Union> }
  }
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(document, 'served')
  const mappings = {
    stream: document.components.schemas.WorkspaceSSEEvent?.discriminator.mapping ?? {},
    observer: document.components.schemas.ObserverSSEEvent?.discriminator.mapping ?? {},
  }

  function check(reference: string | undefined, name: string, value: Json): string | undefined {
    if (reference === undefined) return `${name} is not in the served document`
    const validate = ajv.getSchema(`served${reference}`)
    if (validate === undefined) return `${reference} leads nowhere`
    return validate(value) ? undefined : `${name}: ${ajv.errorsText(validate.errors)}`
  }
  const schema = (name: string | undefined) => name && `#/components/schemas/${name}`

  return {
    stream: (type, data) => check(schema(streamFrames[type]) ?? mappings.stream[type], type, data),
    observer(message) {
      const { type } = message
      if (type === undefined) return check(schema('ObserverHeartbeat'), 'heartbeat', message)
      const name = String(type)
      return check(schema(observerFrames[name]) ?? mappings.observer[name], name, message)
    },
  }
}
