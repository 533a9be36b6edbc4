import type { Gap, LiveOptions } from '@switchboard/sdk'
import { unreachable } from './api.js'
import { type Context, say } from './context.js'
import { tell } from './failure.js'
import { palette } from './render/palette.js'

/** What a command that watches a channel has in common with the others. */
export interface Watch {
  /** To be given to the SDK. */
  readonly options: Pick<LiveOptions, 'signal' | 'onReconnect' | 'onState'>
  /** To be called when the channel has ended or failed. @throws why it could not even begin. */
  ended(): void
}

/**
 * Notices about the connection on standard error: once when it is lost, once when it is back, and on a terminal `opened`
 * at the beginning, because nothing may happen for a while. A connection that cannot
 * be made at all ends the command instead: the address or the server is wrong then, and waiting would hide it.
 */
export function watchConnection(url: string, context: Context, opened?: string): Watch {
  const colours = palette(context.stderr.colour)
  const hopeless = new AbortController()
  let begun = false
  let lost = false
  let first: Error | undefined
  return {
    options: {
      signal: AbortSignal.any([context.signal, hopeless.signal]),
      onState(state) {
        if (state.kind !== 'open') return
        if (!begun && opened !== undefined && context.stderr.isTTY) void say(context.stderr, colours.faint(opened))
        begun = true
        if (lost) void say(context.stderr, colours.faint('connected again, going on where it stopped'))
        lost = false
      },
      onReconnect({ reason }) {
        if (!begun) {
          first = reason
          hopeless.abort()
        } else if (!lost) {
          lost = true
          const what = `${colours.warning('connection lost')} (${tell(reason).message}); trying again until it works`
          void say(context.stderr, what)
        }
      },
    },
    ended() {
      if (first === undefined || context.signal.aborted) return
      if (tell(first).code !== 'connection_failed') throw first
      throw unreachable(url, first)
    },
  }
}

/** A gap as one line of JSON. */
export function gapJson({ code, requested, oldest, newest }: Gap): string {
  return JSON.stringify({ gap: { code, requested, oldest, newest } })
}
