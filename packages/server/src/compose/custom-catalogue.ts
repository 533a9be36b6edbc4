import { readFile } from 'node:fs/promises'
import {
  builtinCatalogue,
  type EventDefinition,
  type FixedCatalogue,
  type JsonObject,
  parseCustomCatalogue,
  SwitchboardError,
} from '@switchboard/contract'
import { parseJson } from '../ingest/json.js'
import { ConfigError } from '../ops/config.js'

/** Faults shown of a catalogue file: enough to put it right, few enough to read at a start. */
const FAULTS_SHOWN_MAX = 3

/** An event type of a deployment's own. */
export interface CustomType {
  readonly definition: EventDefinition
  /** As it was written: a catalogue file with this type alone. */
  readonly source: JsonObject
}

/**
 * The event types of this deployment: the built-in ones, and those of the file that `SWITCHBOARD_CATALOGUE` names.
 * @throws ConfigError that says what is wrong with the file, and where.
 */
export async function loadCatalogue(file: string | undefined): Promise<FixedCatalogue> {
  return builtinCatalogue.with((await loadCustomTypes(file)).map(({ definition }) => definition))
}

/** The types of the file that `SWITCHBOARD_CATALOGUE` names. @throws ConfigError like `loadCatalogue`. */
export async function loadCustomTypes(file: string | undefined): Promise<readonly CustomType[]> {
  if (file === undefined) return []
  const content = await contentOf(file)
  const parsed = parseCustomCatalogue(content)
  if (!parsed.ok) throw wrongFile(file, faultsOf(parsed.errors))
  const { prefix, events } = content as { readonly prefix: string; readonly events: readonly JsonObject[] }
  return parsed.definitions.map((definition, index) => ({ definition, source: { prefix, events: [events[index]] } }))
}

/** A type as `source` has it, or what is wrong with it. */
export function parseCustomType(source: JsonObject): CustomType | string {
  const parsed = parseCustomCatalogue(source)
  if (!parsed.ok) return faultsOf(parsed.errors)
  const [definition] = parsed.definitions
  return definition === undefined ? 'it defines no event type' : { definition, source }
}

export function wrongFile(file: string, why: string): ConfigError {
  return new ConfigError(`SWITCHBOARD_CATALOGUE is ${JSON.stringify(file)}: ${why}`)
}

function faultsOf(errors: readonly { readonly path: string; readonly message: string }[]): string {
  const shown = errors.slice(0, FAULTS_SHOWN_MAX).map(({ path, message }) => `${path || 'it'} ${message}`)
  const more = errors.length - shown.length
  return `${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}

async function contentOf(file: string): Promise<unknown> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw wrongFile(file, `the file cannot be read (${error.code ?? 'unknown'})`)
  })
  try {
    return parseJson(bytes)
  } catch (error) {
    const fault = error instanceof SwitchboardError ? error.errors?.[0]?.message : undefined
    throw wrongFile(file, `the file is not JSON: ${fault ?? String(error)}`)
  }
}
