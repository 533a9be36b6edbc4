import { publishingFields } from '../api/schemas/events.js'
import { namedSchemas } from '../api/schemas/index.js'
import { type ChannelKind, discriminators, type EventType, type JsonObject } from '../catalogue/define.js'
import { reference, SCHEMAS } from './named.js'

/** As much of a catalogue as the documents need. */
export interface EventTypes {
  all(kind?: ChannelKind): readonly EventType[]
}

/** The four unions over the catalogue, by channel and direction. */
export const unionNames = {
  workspace: { delivered: 'WorkspaceSSEEvent', accepted: 'WorkspaceEventInput' },
  observer: { delivered: 'ObserverSSEEvent', accepted: 'ObserverEventInput' },
} as const

const unionMeanings = {
  workspace: {
    delivered:
      'Any event of the workspace stream, told apart by `event_type`. Newer servers may send types that are not listed here.',
    accepted: 'Any event that may be published to the workspace stream, told apart by `event_type`.',
  },
  observer: {
    delivered:
      "Any event of a call's observer, told apart by `type`. Newer servers may send types that are not listed here.",
    accepted: "Any event that may be published to a call's observer, told apart by `type`.",
  },
} as const

/**
 * The component schemas that follow from the catalogue: each type as delivered; each as accepted (`…EventInput`), where
 * that differs; and the unions over them.
 * @throws Error when a type's schema name is one that the API uses itself.
 */
export function eventSchemas(catalogue: EventTypes): Record<string, JsonObject> {
  const schemas: Record<string, JsonObject> = {}
  const add = (name: string, type: string, schema: JsonObject) => {
    if (namedSchemas.has(name) || name in schemas) {
      throw new Error(`The event type ${type} needs the schema name ${name}, which is taken: give it another name`)
    }
    schemas[name] = schema
  }
  for (const kind of ['workspace', 'observer'] as const) {
    for (const type of catalogue.all(kind)) {
      const delivered = { ...plain(type.delivered), examples: [type.example], 'x-family': type.family }
      add(type.schemaName, type.type, type.custom ? { ...delivered, 'x-custom': true } : delivered)
      const input = inputName(type)
      if (input !== type.schemaName) add(input, type.type, plain(type.accepted))
    }
  }
  for (const kind of ['workspace', 'observer'] as const) {
    const { delivered, accepted } = unionNames[kind]
    schemas[delivered] = {
      description: unionMeanings[kind].delivered,
      ...union(kind, catalogue.all(kind), (type) => type.schemaName),
    }
    schemas[accepted] = {
      description: unionMeanings[kind].accepted,
      properties: plain(publishingFields),
      ...union(kind, catalogue.all(kind), inputName),
    }
  }
  return schemas
}

/** The name of a type's schema as a producer may send it: the delivered one's, when both say the same. */
export function inputName(type: EventType): string {
  const same = JSON.stringify(type.accepted) === JSON.stringify(type.delivered)
  return same ? type.schemaName : `${type.schemaName}Input`
}

function union(kind: ChannelKind, types: readonly EventType[], nameOf: (type: EventType) => string): JsonObject {
  // Full paths: readers disagree on what a bare name in a mapping means.
  const mapping = Object.fromEntries(types.map((type) => [type.type, `${SCHEMAS}${nameOf(type)}`]))
  return {
    oneOf: types.map((type) => reference(nameOf(type))),
    discriminator: { propertyName: discriminators[kind], mapping },
  }
}

/** A TypeBox schema as the JSON it stands for. */
function plain(schema: object): JsonObject {
  return JSON.parse(JSON.stringify(schema))
}
