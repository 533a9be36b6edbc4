import { setTimeout } from 'node:timers/promises'
import { SwitchboardError } from '@switchboard/contract'

const POLL_MS = 50

/**
 * Asks again and again until there is an answer: other processes give no better sign.
 * @throws SwitchboardError `unavailable` when there is none in time, with what was last in the way; the signal's reason
 * when nobody wants to know any more.
 */
export async function pollUntil<T>(
  what: string,
  ms: number,
  ask: () => Promise<{ readonly answer: T } | { readonly missing: string }>,
  signal?: AbortSignal,
): Promise<T> {
  const end = performance.now() + ms
  for (;;) {
    signal?.throwIfAborted()
    const got = await ask()
    if ('answer' in got) return got.answer
    if (performance.now() > end)
      throw new SwitchboardError('unavailable', `Waited ${ms / 1000} s for ${what}: ${got.missing}`)
    await setTimeout(POLL_MS)
  }
}
