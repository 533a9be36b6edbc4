import type { ApiKey, CreateApiKey, Switchboard } from '@switchboard/sdk'
import { reason, type Unanswered, unanswered } from './asked.js'
import { type Frame, type Readable, Store } from './store.js'

export type KeysSnapshot =
  | Unanswered
  | {
      readonly kind: 'ready'
      readonly keys: readonly ApiKey[]
      /** A secret that was just made, until it is put away. It is kept nowhere else. */
      readonly made: { readonly name: string; readonly secret: string } | undefined
      /** What went wrong with the last change. */
      readonly wrong: string | undefined
      readonly busy: boolean
    }

type Ready = Extract<KeysSnapshot, { kind: 'ready' }>

/** The API keys of a workspace, and what is done to them. */
export class KeysStore implements Readable<KeysSnapshot> {
  readonly #keys: Switchboard['apiKeys']
  readonly #store: Store<KeysSnapshot>
  readonly get: () => KeysSnapshot
  readonly subscribe: (listener: () => void) => () => void

  constructor(options: { readonly switchboard: Pick<Switchboard, 'apiKeys'>; readonly frame: Frame }) {
    this.#keys = options.switchboard.apiKeys
    this.#store = new Store<KeysSnapshot>({ kind: 'loading' }, options.frame)
    this.get = this.#store.get
    this.subscribe = this.#store.subscribe
  }

  async load(): Promise<void> {
    this.#store.set({ kind: 'loading' })
    try {
      this.#store.set({ kind: 'ready', keys: await this.#list(), made: undefined, wrong: undefined, busy: false })
    } catch (error) {
      this.#store.set(unanswered(error, 'keys:manage'))
    }
  }

  /** Answers whether it was done. */
  create(key: CreateApiKey): Promise<boolean> {
    return this.#change(() => this.#keys.create(key))
  }

  rotate(keyId: string): Promise<boolean> {
    return this.#change(() => this.#keys.rotate(keyId))
  }

  revoke(keyId: string): Promise<boolean> {
    return this.#change(async () => {
      await this.#keys.revoke(keyId)
      return undefined
    })
  }

  /** Forgets the secret that was shown. */
  putAway(): void {
    this.#update({ made: undefined })
  }

  async #change(act: () => Promise<{ readonly name: string; readonly api_key: string } | undefined>): Promise<boolean> {
    this.#update({ busy: true, wrong: undefined })
    try {
      const made = await act()
      // Before the list is read again: whatever becomes of that, the secret comes only this once.
      if (made) this.#update({ made: { name: made.name, secret: made.api_key } })
    } catch (error) {
      this.#update({ wrong: reason(error), busy: false })
      return false
    }
    try {
      this.#update({ keys: await this.#list(), busy: false })
    } catch (error) {
      this.#update({ wrong: `It is done, but the list could not be read again: ${reason(error)}`, busy: false })
    }
    return true
  }

  async #list(): Promise<ApiKey[]> {
    const keys: ApiKey[] = []
    for await (const key of this.#keys.list()) keys.push(key)
    return keys
  }

  #update(change: Partial<Ready>): void {
    const { latest } = this.#store
    if (latest.kind === 'ready') this.#store.set({ ...latest, ...change })
  }
}
