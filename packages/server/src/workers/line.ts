import type { Duplex } from 'node:stream'
import { SwitchboardError } from '@switchboard/contract'
import { encodeMessage, type Frame, Pipe } from './pipe.js'
import { receiveFailure, type SentFailure, sendFailure } from './sent-failure.js'

/** One end of a line: what may be asked of it, and what it tells unasked. */
export interface Side {
  readonly calls: object
  readonly news: unknown
}

type Args<Call> = Call extends (...args: infer A) => unknown ? A : never
type Answer<Call> = Call extends (...args: never[]) => Promise<infer A> ? A : never

type Message<News> =
  | { readonly ask: number; readonly name: string; readonly args: readonly unknown[] }
  | { readonly answer: number; readonly value: unknown }
  | { readonly answer: number; readonly failure: SentFailure }
  | { readonly news: News }

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

export interface LineOptions<Own extends Side, Other extends Side> {
  readonly calls: Own['calls']
  readonly hear: (news: Other['news']) => void
  /** The other process has ended, or has closed the line. What was asked of it has failed by now. */
  readonly onClose: () => void
}

/** News as it goes over any number of lines. */
export function encodeNews<Own extends Side>(news: Own['news']): Frame {
  return encodeMessage([{ news }] satisfies readonly Message<Own['news']>[])
}

/**
 * Asks, answers and news between two processes. All of one direction arrives in the order in which it was sent: what is
 * told before an answer is heard before it.
 */
export class Line<Own extends Side, Other extends Side> {
  private readonly pipe: Pipe
  private readonly waiting = new Map<number, Waiting>()
  /** What this turn of the event loop has to say. One frame for all of it costs a fraction of one for each. */
  private said: Message<Own['news']>[] = []
  private asked = 0
  private isClosed = false

  constructor(
    stream: Duplex,
    private readonly options: LineOptions<Own, Other>,
  ) {
    this.pipe = new Pipe(
      stream,
      (messages) => {
        for (const message of messages as readonly Message<Other['news']>[]) this.take(message)
      },
      () => this.closed(),
    )
  }

  /** Bytes that wait for the other process to take them off. */
  get waitingBytes(): number {
    return this.pipe.waitingBytes
  }

  /** @throws What the other process throws; SwitchboardError `unavailable` when it ends before it answers. */
  ask<Name extends keyof Other['calls'] & string>(
    name: Name,
    ...args: Args<Other['calls'][Name]>
  ): Promise<Answer<Other['calls'][Name]>> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) return reject(gone())
      const ask = ++this.asked
      this.waiting.set(ask, { resolve, reject })
      this.say({ ask, name, args })
    })
  }

  tell(news: Own['news']): void {
    this.say({ news })
  }

  /** Tells what was encoded once for many. */
  tellFrame(frame: Frame): void {
    this.flush()
    this.pipe.send(frame)
  }

  /** Sends what waits, then closes it. */
  end(): void {
    this.flush()
    this.pipe.end()
  }

  /** Closes it at once. */
  cut(): void {
    this.pipe.destroy()
  }

  private say(message: Message<Own['news']>): void {
    if (this.said.length === 0) setImmediate(() => this.flush())
    this.said.push(message)
  }

  private flush(): void {
    const messages = this.said
    if (messages.length === 0) return
    this.said = []
    try {
      this.pipe.send(encodeMessage(messages))
    } catch (error) {
      // One of them cannot be cloned, which is a bug: it alone fails.
      if (messages.length === 1) this.unsendable(messages[0], error)
      else {
        for (const message of messages) {
          this.said = [message]
          this.flush()
        }
      }
    }
  }

  private unsendable(message: Message<Own['news']> | undefined, cause: unknown): void {
    const error = new SwitchboardError('internal', 'what cannot be sent came to another process', { cause })
    if (message !== undefined && 'ask' in message) {
      this.waiting.get(message.ask)?.reject(error)
      this.waiting.delete(message.ask)
    } else if (message !== undefined && 'answer' in message) {
      this.say({ answer: message.answer, failure: sendFailure(error) })
    } else throw error
  }

  private take(message: Message<Other['news']>): void {
    if ('news' in message) {
      this.options.hear(message.news)
    } else if ('ask' in message) {
      void this.serve(message.ask, message.name, message.args)
    } else {
      const waiting = this.waiting.get(message.answer)
      this.waiting.delete(message.answer)
      if ('failure' in message) waiting?.reject(receiveFailure(message.failure))
      else waiting?.resolve(message.value as never)
    }
  }

  private async serve(ask: number, name: string, args: readonly unknown[]): Promise<void> {
    const calls = this.options.calls as Record<string, (...args: readonly unknown[]) => Promise<unknown>>
    try {
      const value = await calls[name]?.(...args)
      this.say({ answer: ask, value })
    } catch (error) {
      this.say({ answer: ask, failure: sendFailure(error) })
    }
  }

  private closed(): void {
    this.isClosed = true
    for (const { reject } of this.waiting.values()) reject(gone())
    this.waiting.clear()
    this.options.onClose()
  }
}

function gone(): SwitchboardError {
  return new SwitchboardError('unavailable', 'the process that was to do it has ended', { retryAfterSeconds: 1 })
}
