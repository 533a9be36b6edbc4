import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Store } from '../log/log.js'
import { privateFile } from './private-file.js'

/** What a deployment keeps here, by the name of its file or record. */
export type KeyName = 'admin-key.sha256' | 'sealing.key'

/** Where the keys are that all processes of a deployment share: the first that starts makes them, the others adopt them. */
export interface KeyPlace {
  readonly kind: 'file' | 'store'
  /** For messages: what the key is in. */
  where(name: KeyName): string
  /** The content, made when there is none. All who ask at once get the same, and `made` is true at one of them. */
  keep(name: KeyName, make: () => string): Promise<{ readonly content: string; readonly made: boolean }>
  forget(name: KeyName): Promise<void>
  /** Tells of a content that takes the place of another while the process runs. */
  follow(name: KeyName, changed: (content: string) => void): void
}

/** Files of a folder that belongs to this machine alone. */
export function folderPlace(dir: string): KeyPlace {
  const where = (name: KeyName) => join(dir, name)
  return {
    kind: 'file',
    where,
    keep: (name, make) => privateFile(where(name), make),
    forget: (name) => rm(where(name), { force: true }),
    // A file is read at the start.
    follow() {},
  }
}

const KIND = 'deployment'

/** Records that every process of the deployment sees. */
export function storePlace(store: Store): KeyPlace {
  async function stored(name: KeyName): Promise<string | undefined> {
    const record = (await store.all(KIND)).find(({ key }) => key === name)
    return record && contentOf(record.value)
  }
  return {
    kind: 'store',
    where: (name) => `the record ${KIND}/${name}`,
    async keep(name, make) {
      const there = await stored(name)
      if (there !== undefined) return { content: there, made: false }
      const content = make()
      const made = await store.put(KIND, name, { content }, { ifAbsent: true })
      return made ? { content, made } : { content: (await stored(name)) ?? '', made }
    },
    async forget(name) {
      await store.delete(KIND, name)
    },
    follow(name, changed) {
      store.watch(({ kind, key, value }) => {
        if (kind === KIND && key === name && value !== undefined) changed(contentOf(value))
      })
    },
  }
}

function contentOf({ content }: { readonly content?: unknown }): string {
  return typeof content === 'string' ? content : ''
}
