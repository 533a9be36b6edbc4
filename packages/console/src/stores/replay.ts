import { type CallEntry, type CallPicture, Conversation } from './conversation.js'
import type { Frame } from './store.js'

export const REPLAY_SPEEDS = [0.5, 1, 2, 4, 8] as const

/** The moment that is shown instead of now. */
export interface ReplayState {
  /** Unix ms. */
  readonly at: number
  readonly playing: boolean
}

export interface ReplayOptions {
  /** Oldest first. */
  readonly entries: () => readonly CallEntry[]
  /** The last moment there is, in Unix ms. */
  readonly end: () => number
  /** Something else is to be shown. */
  readonly onChange: () => void
  readonly frame: Frame
  readonly now: () => number
}

/** A call seen at another moment than now: a hand that moves over it, or a clock that runs through it. */
export class Replay {
  readonly #options: ReplayOptions
  #at: number | undefined
  #playing = false
  #speed = 1
  #ticked = 0
  #conversation = new Conversation()
  #taken = 0

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  /** Shows this moment, in Unix ms. */
  seek(at: number): void {
    if (this.#at === undefined || at < this.#at) this.#forget()
    this.#at = at
    this.#options.onChange()
  }

  /** Runs on from the moment that is shown. */
  play(from: number): void {
    if (this.#at === undefined) this.seek(from)
    if (this.#playing) return
    this.#playing = true
    this.#ticked = this.#options.now()
    this.#options.frame(() => this.#tick())
    this.#options.onChange()
  }

  pause(): void {
    if (!this.#playing) return
    this.#playing = false
    this.#options.onChange()
  }

  setSpeed(speed: number): void {
    this.#speed = speed
  }

  /** Back to the call as it is now. */
  leave(): void {
    this.#playing = false
    this.#at = undefined
    this.#forget()
    this.#options.onChange()
  }

  /** An entry has come to stand at this place. */
  changed(place: number): void {
    if (place < this.#taken) this.#forget()
  }

  show(): { readonly picture: CallPicture; readonly state: ReplayState } | undefined {
    const at = this.#at
    if (at === undefined) return undefined
    const entries = this.#options.entries()
    for (let next = entries[this.#taken]; next && next.at <= at; next = entries[++this.#taken]) {
      this.#conversation.take(next)
    }
    return { picture: this.#conversation.picture, state: { at, playing: this.#playing } }
  }

  #tick(): void {
    if (!this.#playing || this.#at === undefined) return
    const { now, end, frame, onChange } = this.#options
    const passed = (now() - this.#ticked) * this.#speed
    this.#ticked = now()
    this.#at += passed
    if (this.#at >= end()) this.leave()
    else {
      frame(() => this.#tick())
      onChange()
    }
  }

  #forget(): void {
    this.#conversation = new Conversation()
    this.#taken = 0
  }
}
