import type { Catalogue, EventType } from '@switchboard/contract'

/** What follows from the catalogue, such as a document: made when first asked for, and again when its types have changed. */
export function perCatalogue<T>(catalogue: Catalogue, make: () => T): () => T {
  let last: { readonly types: readonly EventType[]; readonly made: T } | undefined
  return () => {
    const types = catalogue.all()
    if (last?.types !== types) last = { types, made: make() }
    return last.made
  }
}
