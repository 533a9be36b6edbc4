import { builtinCatalogue, type Catalogue, type FixedCatalogue } from '@switchboard/contract'
import { type LiveRecords, openRecords, type RecordKind } from '../access/live-records.js'
import type { Store } from '../log/log.js'
import { type CustomType, loadCatalogue, loadCustomTypes, parseCustomType, wrongFile } from './custom-catalogue.js'
import { LiveCatalogue } from './live-catalogue.js'

export interface OpenCatalogue {
  readonly catalogue: Catalogue
  /** Follows the store no more. */
  close(): void
}

/** A stored type, or why it cannot be used: another version may have written it. */
type StoredType = CustomType | { readonly unusable: string; readonly source: CustomType['source'] }

const catalogueKind: RecordKind<StoredType> = {
  kind: 'catalogue',
  write: ({ source }) => source,
  read(type, source) {
    const parsed = parseCustomType(source)
    if (typeof parsed === 'string') return { unusable: parsed, source }
    return parsed.definition.type === type ? parsed : { unusable: `it defines ${parsed.definition.type}`, source }
  },
}

/**
 * The event types of this deployment: the built-in ones, and those that it adds.
 *
 * Without a store they are those of the file. With one, which all processes share, a process brings in the types of its
 * file, which take the place of stored ones of the same name, and knows all that are stored, now and later. A type that
 * is left out of a file stays: others may have it in theirs.
 *
 * @param warn Told, in one line, of definitions that change or cannot be used.
 * @throws ConfigError that says what is wrong with the file, and where.
 */
export async function openCatalogue(
  file: string | undefined,
  store: Store | undefined,
  warn: (line: string) => void,
): Promise<OpenCatalogue> {
  if (store === undefined) return { catalogue: await loadCatalogue(file), close() {} }
  const own = await loadCustomTypes(file)
  // Nobody has the catalogue while the first records come.
  let outdate = (): void => {}
  const records = await openRecords(store, catalogueKind, {
    warn,
    changed(type, before, after) {
      outdate()
      if (before === undefined || isSame(before, after)) return
      warn(`The event type ${type} ${after ? 'has another definition now' : 'is no longer in the catalogue'}`)
    },
  })
  const told = new Set<string>()
  const catalogue = new LiveCatalogue(() =>
    catalogueOf(records, (line) => {
      if (!told.has(line)) warn(line)
      told.add(line)
    }),
  )
  outdate = () => catalogue.outdate()
  try {
    if (file !== undefined) await bringIn(file, own, records)
  } catch (error) {
    records.close()
    throw error
  }
  return { catalogue, close: records.close }
}

/** Stores the types of a file, unless they are stored as they are. */
async function bringIn(file: string, own: readonly CustomType[], records: LiveRecords<StoredType>): Promise<void> {
  const types = new Map(own.map((type) => [type.definition.type, type]))
  let catalogue = builtinCatalogue.with(own.map(({ definition }) => definition))
  for (const [type, stored] of byName(records)) {
    if (types.has(type) || 'unusable' in stored) continue
    const larger = withType(catalogue, stored)
    if (typeof larger === 'string') throw wrongFile(file, `beside ${type}, which is stored already: ${larger}`)
    catalogue = larger
  }
  for (const [type, { definition, source }] of types) {
    const stored = records.get(type)
    if (stored === undefined || !isSame(stored, { source })) await records.put(type, { definition, source })
  }
}

/** The built-in types and all stored ones that can be used: the same at every process. */
function catalogueOf(records: LiveRecords<StoredType>, warn: (line: string) => void): FixedCatalogue {
  let catalogue = builtinCatalogue
  for (const [type, stored] of byName(records)) {
    const larger = 'unusable' in stored ? stored.unusable : withType(catalogue, stored)
    if (typeof larger === 'string') warn(`The stored event type ${type} cannot be used: ${larger}`)
    else catalogue = larger
  }
  return catalogue
}

/** The catalogue with one more type, or why it cannot be in it. */
function withType(catalogue: FixedCatalogue, { definition }: CustomType): FixedCatalogue | string {
  try {
    return catalogue.with([definition])
  } catch (error) {
    return (error as Error).message
  }
}

function byName(records: LiveRecords<StoredType>): readonly (readonly [string, StoredType])[] {
  const names = [...records.keys()].sort()
  return names.flatMap((name) => {
    const stored = records.get(name)
    return stored === undefined ? [] : [[name, stored] as const]
  })
}

function isSame(one: Pick<StoredType, 'source'>, other: Pick<StoredType, 'source'> | undefined): boolean {
  return JSON.stringify(one.source) === JSON.stringify(other?.source)
}
