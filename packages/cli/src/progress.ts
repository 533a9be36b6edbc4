import type { TimelineItem } from '@switchboard/simulator'
import { type Context, say } from './context.js'
import { palette } from './render/palette.js'
import { counted } from './render/text.js'

const CLEAR_LINE = '\r\u001b[2K'
/** Rarely enough to read, often enough to see that it lives. */
const SHOW_EVERY_MS = 250
const JSON_EVERY_MS = 1000

/** How far a timeline has been played, as one line on standard error that is kept up to date, or as JSON lines. */
export class Progress {
  private events = 0
  private calls = 0
  private active = 0
  private shownAt = 0
  private live = false
  private troubled = false

  constructor(
    private readonly context: Context,
    private readonly json: boolean,
  ) {}

  async start(about: Readonly<Record<string, unknown>>): Promise<void> {
    if (this.json) await say(this.context.stdout, JSON.stringify({ started: about }))
  }

  /** Events that are durable. */
  played(items: readonly TimelineItem[]): void {
    this.events += items.length
    for (const item of items) {
      if (!('ws' in item)) continue
      if (item.ws.event_type === 'call.started') this.calls += 1
      if (item.ws.event_type === 'call.started') this.active += 1
      if (item.ws.event_type === 'call.ended') this.active -= 1
    }
    if (this.troubled) {
      this.troubled = false
      void this.note('the server is back')
    }
    void this.show(false)
  }

  /** Told once for as long as it lasts. */
  trouble(message: string): void {
    if (this.troubled) return
    this.troubled = true
    void this.note(
      `${palette(this.context.stderr.colour).warning('waiting')} (${message}); trying again until it works`,
    )
  }

  /** A line that stays. */
  async note(text: string): Promise<void> {
    if (this.json) return
    const clear = this.live ? CLEAR_LINE : ''
    this.live = false
    await this.context.stderr.write(`${clear}${text}\n`)
  }

  async end(summary: (events: number, calls: number) => string): Promise<void> {
    if (this.json)
      return say(this.context.stdout, JSON.stringify({ ended: { events: this.events, calls: this.calls } }))
    await this.note(summary(this.events, this.calls))
  }

  private async show(force: boolean): Promise<void> {
    const now = this.context.now()
    if (!force && now - this.shownAt < (this.json ? JSON_EVERY_MS : SHOW_EVERY_MS)) return
    this.shownAt = now
    if (this.json) {
      return say(this.context.stdout, JSON.stringify({ events: this.events, calls: this.calls, active: this.active }))
    }
    if (!this.context.stderr.isTTY) return
    this.live = true
    const line = `${counted(this.events, 'event')} · ${counted(this.calls, 'call')} · ${this.active} active`
    await this.context.stderr.write(`${CLEAR_LINE}${palette(this.context.stderr.colour).faint(line)}`)
  }
}
