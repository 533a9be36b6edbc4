import type { Live } from './live.js'

/** Callbacks. One that returns a promise is awaited before the next item is read. */
export interface SubscribeOptions<Item, Handlers> {
  /** Every item, also one that has a callback of its own in `on`. */
  readonly onEvent?: (item: Item) => void | Promise<void>
  /** Callbacks by type. */
  readonly on?: Handlers
  /**
   * Once, when the subscription cannot go on, or when a callback has thrown. With it `done` resolves; without it `done`
   * rejects.
   */
  readonly onError?: (error: unknown) => void
}

export interface Subscription {
  /** Settles when the subscription has ended. */
  readonly done: Promise<void>
  /** The position to go on from, for `after`. */
  readonly position: string | undefined
  /** Ends it; no callback is called any more. */
  close(): void
}

/** @param handlerOf the callback for the item's type. Its parameter is the item's own type, which only the map knows. */
export function subscribe<Item, Handlers>(
  live: Live<Item>,
  options: SubscribeOptions<Item, Handlers>,
  handlerOf: (item: Item) => ((item: never) => void | Promise<void>) | undefined,
): Subscription {
  const run = async (): Promise<void> => {
    for await (const item of live) {
      await options.onEvent?.(item)
      await handlerOf(item)?.(item as never)
    }
  }
  const { onError } = options
  return {
    done: onError === undefined ? run() : run().catch(onError),
    get position() {
      return live.position
    },
    close: () => live.close(),
  }
}
