import type { ApiKey, CreateApiKey, Switchboard } from '@switchboard/sdk'
import { reason, type Unanswered, unanswered } from './asked.js'
import { gathered } from './gathered.js'
import { type Frame, Store } from './store.js'

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
export class KeysStore extends Store<KeysSnapshot> {
  readonly #keys: Switchboard['apiKeys']

  constructor(options: { readonly switchboard: Pick<Switchboard, 'apiKeys'>; readonly frame: Frame }) {
    super({ kind: 'loading' }, options.frame)
    this.#keys = options.switchboard.apiKeys
  }

  async load(): Promise<void> {
    this.set({ kind: 'loading' })
    try {
      this.set({
        kind: 'ready',
        keys: await gathered(this.#keys.list()),
        made: undefined,
        wrong: undefined,
        busy: false,
      })
    } catch (error) {
      this.set(unanswered(error, 'keys:manage'))
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
      this.#update({ keys: await gathered(this.#keys.list()), busy: false })
    } catch (error) {
      this.#update({ wrong: `It is done, but the list could not be read again: ${reason(error)}`, busy: false })
    }
    return true
  }

  #update(change: Partial<Ready>): void {
    const { latest } = this
    if (latest.kind === 'ready') this.set({ ...latest, ...change })
  }
}
