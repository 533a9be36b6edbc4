import { readFile } from 'node:fs/promises'
import { builtinCatalogue, type Catalogue, parseCustomCatalogue, SwitchboardError } from '@switchboard/contract'
import { parseJson } from '../ingest/json.js'
import { ConfigError } from '../ops/config.js'

/** Faults shown of a catalogue file: enough to put it right, few enough to read at a start. */
const FAULTS_SHOWN_MAX = 3

/**
 * The event types of this deployment: the built-in ones, and those of the file that `SWITCHBOARD_CATALOGUE` names.
 * @throws ConfigError that says what is wrong with the file, and where.
 */
export async function loadCatalogue(file: string | undefined): Promise<Catalogue> {
  if (file === undefined) return builtinCatalogue
  const parsed = parseCustomCatalogue(await contentOf(file))
  if (parsed.ok) return builtinCatalogue.with(parsed.definitions)
  const shown = parsed.errors.slice(0, FAULTS_SHOWN_MAX).map(({ path, message }) => `${path || 'it'} ${message}`)
  const more = parsed.errors.length - shown.length
  throw wrongFile(file, `${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`)
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

function wrongFile(file: string, why: string): ConfigError {
  return new ConfigError(`SWITCHBOARD_CATALOGUE is ${JSON.stringify(file)}: ${why}`)
}
