import { randomBytes } from 'node:crypto'
import type { Store } from '../log/log.js'
import { openRecords, type RecordKind } from './live-records.js'
import type { Seal } from './sealing.js'

const BYTES = 32
/** Where it is kept. */
export const SIGNING_SECRET = { kind: 'signing-secret', key: 'access-tokens' } as const
const { key: KEY } = SIGNING_SECRET
/** The only place where it opens. */
export const SIGNING_PLACE = 'signing-secret/access-tokens'

/** What the deployment signs access tokens with: made on the first start, then the same for every process and restart. */
export interface SigningSecret {
  readonly current: () => Uint8Array
  close(): void
}

/**
 * Loads the secret, or makes it. One that was sealed with a key that is lost is replaced: that ends all access tokens,
 * which live an hour at most, and nothing else.
 */
export async function openSigningSecret(
  store: Store,
  seal: Seal,
  warn: (line: string) => void,
): Promise<SigningSecret> {
  const kind: RecordKind<Buffer> = {
    kind: SIGNING_SECRET.kind,
    write: (secret) => ({ sealed: seal.close(SIGNING_PLACE, secret.toString('base64')) }),
    read(_, { sealed }) {
      const text = typeof sealed === 'string' ? seal.open(SIGNING_PLACE, sealed) : undefined
      const secret = Buffer.from(text ?? '', 'base64')
      return secret.length === BYTES ? secret : undefined
    },
  }
  const records = await openRecords(store, kind, { warn })
  if (records.get(KEY) === undefined) {
    // Whoever is first wins, and the others hear of it.
    const made = await records.put(KEY, randomBytes(BYTES), { ifAbsent: true })
    if (!made) await adopt()
  }
  const first = records.get(KEY)
  if (first === undefined) throw new Error('The store keeps no signing secret')
  let last: Buffer = first
  return {
    // A change that cannot be read here leaves the one that could.
    current() {
      last = records.get(KEY) ?? last
      return last
    },
    close: records.close,
  }

  /** Another process has made one meanwhile, or there is one that our key does not open. */
  async function adopt(): Promise<void> {
    const stored = (await store.all(kind.kind)).find(({ key }) => key === KEY)
    const theirs = stored && kind.read(KEY, stored.value)
    if (theirs === undefined) {
      warn('The sealing key does not open the stored signing secret: a new one is made, and all access tokens end')
    }
    await records.put(KEY, theirs ?? randomBytes(BYTES))
  }
}
