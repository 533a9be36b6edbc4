import type { Gap, WorkspaceItem } from '@switchboard/sdk'
import type { Connection } from './connection.js'

/** What the tabs of a browser say to each other about the stream that one of them holds for all. */
export type ShareMessage =
  /** A tab has come, and wants to know where the stream stands. */
  | { readonly kind: 'hello' }
  /** What the leader tells from now on comes after this position. */
  | { readonly kind: 'here'; readonly position: string; readonly connection: Connection }
  /** The next event, and the position of the one before it: who does not have that one has missed something. */
  | { readonly kind: 'item'; readonly before: string | undefined; readonly item: WorkspaceItem }
  | { readonly kind: 'connection'; readonly connection: Connection }
  | { readonly kind: 'gap'; readonly gap: Gap }
  /** The stream will not go on, however often it is tried. */
  | { readonly kind: 'failed'; readonly code: string; readonly why: string }

/** How the tabs of a browser share one stream. */
export interface Share {
  /**
   * Runs when this tab is to hold the stream: the signal tells when it no longer is. Settles when the tab's own signal
   * aborts.
   */
  lead(ended: AbortSignal, run: (leading: AbortSignal) => Promise<void>): Promise<void>
  say(message: ShareMessage): void
  listen(listener: (message: ShareMessage) => void): () => void
}

/** A browser that cannot share, or may not: each tab holds a stream of its own. */
export const unshared: Share = {
  lead: (ended, run) => run(ended),
  say() {},
  listen: () => () => {},
}

/**
 * Tabs with the same key and workspace share. The lock is the browser's: when the tab that has it is closed or crashes,
 * the next one gets it. A tab that comes into view takes it from one that is out of sight, whose timers browsers slow.
 *
 * @returns `unshared` where the page is no secure context, and so has no locks.
 */
export async function shareOf(workspaceId: string, credential: string): Promise<Share> {
  if (!('locks' in navigator) || typeof BroadcastChannel === 'undefined') return unshared
  // The key itself would be a name that every page of this origin could read.
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(credential))
  const name = `switchboard ${workspaceId} ${btoa(String.fromCharCode(...new Uint8Array(digest).slice(0, 12)))}`
  const channel = new BroadcastChannel(name)
  let isClosed = false
  return {
    lead(ended, run) {
      ended.addEventListener('abort', () => {
        isClosed = true
        channel.close()
      })
      return leadInTurn(name, ended, run)
    },
    say(message) {
      if (!isClosed) channel.postMessage(message)
    },
    listen(listener) {
      const hear = ({ data }: MessageEvent<ShareMessage>) => listener(data)
      channel.addEventListener('message', hear)
      return () => channel.removeEventListener('message', hear)
    },
  }
}

async function leadInTurn(
  name: string,
  ended: AbortSignal,
  run: (leading: AbortSignal) => Promise<void>,
): Promise<void> {
  let leading: AbortController | undefined
  /** Resolves when the lock is lost, by theft or because the tab ends. */
  const hold = async (options: LockOptions): Promise<void> => {
    const mine = new AbortController()
    try {
      await navigator.locks.request(name, options, async () => {
        leading = mine
        await run(AbortSignal.any([ended, mine.signal]))
      })
    } catch (error) {
      // Stolen, or no longer waited for. Anything else is a failure of the one who runs.
      if (!(error instanceof DOMException)) throw error
    } finally {
      mine.abort()
      if (leading === mine) leading = undefined
    }
  }
  let isTaking = false
  const seen = () => {
    if (document.visibilityState !== 'visible' || leading !== undefined || isTaking) return
    isTaking = true
    // Whatever goes wrong, this tab still waits for its turn below.
    hold({ steal: true })
      .catch(() => {})
      .finally(() => {
        isTaking = false
      })
  }
  document.addEventListener('visibilitychange', seen)
  ended.addEventListener('abort', () => document.removeEventListener('visibilitychange', seen))
  while (!ended.aborted) await hold({ signal: ended })
}
