import {
  currentOf,
  keepSessions,
  keptSessions,
  nobody,
  readSessions,
  type Session,
  type Sessions,
  signedIn,
  signedOut,
} from './session.js'
import { type Frame, Store } from './store.js'

/** What tabs say to each other about who is signed in. */
type Message = { readonly ask: true } | { readonly tell: Sessions } | { readonly left: string }

/** As much of `BroadcastChannel` as is used. */
export interface TabChannel {
  postMessage(message: unknown): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
}

export interface SessionStoreOptions {
  readonly storage: Storage
  readonly frame: Frame
  readonly channel: TabChannel
}

/** How long a new tab waits for another one to answer before it asks a person. */
export const ANSWER_MS_MAX = 150

/**
 * Who is signed in. Kept for each tab by the browser, never on disk; a new tab hears it from those that are open, so that
 * one sign-in is enough for all of them.
 */
export class SessionStore extends Store<Sessions> {
  readonly #options: SessionStoreOptions

  constructor(options: SessionStoreOptions) {
    super(keptSessions(options.storage), options.frame)
    this.#options = options
    options.channel.addEventListener('message', ({ data }) => this.#hear(data as Message))
  }

  /** Asks the other tabs, when nobody is signed in here. Resolves when one has answered, or none will. */
  async join(): Promise<void> {
    if (currentOf(this.latest)) return
    await new Promise<void>((resolve) => {
      const stop = this.subscribe(resolve)
      setTimeout(() => {
        stop()
        resolve()
      }, ANSWER_MS_MAX)
      this.#options.channel.postMessage({ ask: true } satisfies Message)
    })
  }

  signIn(...sessions: readonly [Session, ...Session[]]): void {
    this.#keep(signedIn(this.latest, ...sessions))
  }

  choose(workspaceId: string): void {
    this.#keep({ ...this.latest, current: workspaceId })
  }

  /** In every tab: somebody who leaves a screen wants to be gone from all of it. */
  signOut(workspaceId: string): void {
    this.#keep(signedOut(this.latest, workspaceId))
    this.#options.channel.postMessage({ left: workspaceId } satisfies Message)
  }

  #keep(sessions: Sessions): void {
    keepSessions(sessions, this.#options.storage)
    this.set(sessions)
  }

  #hear(message: Message): void {
    if ('ask' in message) {
      if (currentOf(this.latest)) this.#options.channel.postMessage({ tell: this.latest } satisfies Message)
    } else if ('left' in message) this.#keep(signedOut(this.latest, message.left))
    else if (!currentOf(this.latest)) this.#keep(readSessions(message.tell) ?? nobody)
  }
}
