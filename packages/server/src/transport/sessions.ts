import { type ChannelKind, type FailureCode, limits, type Position } from '@switchboard/contract'
import type { Gate, Principal } from '../access/principal.js'
import type { Clock } from '../clock.js'
import type { Meter } from '../meter.js'
import type { StreamQuery } from './query.js'
import { createSeats, type Seats } from './seats.js'

/** An open stream, as its transport describes it. */
export interface SessionRequest {
  readonly workspace: string
  readonly kind: ChannelKind
  readonly principal: Principal
  /** How it was asked for, for whoever keeps a trail of it. */
  readonly asked?: Asked
  /** Events that were handed to the socket so far. */
  delivered?(): number
  /** What is so of it now, for whoever asks who listens. */
  facts(): StreamFacts
  /** Says goodbye with a failure and ends the connection between two frames. */
  end(code: FailureCode, options: EndOptions): void
  /** Cuts the connection. */
  destroy(): void
}

export interface Asked extends StreamQuery {
  /** The peer's network address. */
  readonly address?: string | undefined
}

/** Told of every stream that got its seat, and of its end. `number` is its own in this process. */
export interface SessionWatch {
  opened(number: number, request: SessionRequest): void
  ended(
    number: number,
    request: SessionRequest,
    /** Unix ms; `code` is undefined when the client left, or was cut off. */
    how: { readonly openedAt: number; readonly endedAt: number; readonly code: FailureCode | undefined },
  ): void
}

/** What a transport knows of a stream. */
export interface StreamFacts {
  readonly connectionId: string
  /** The call that is observed; null for the stream of a workspace. */
  readonly callSid: string | null
  /** All up to it was handed to the socket; null while it begins. */
  readonly position: Position | null
  /** As they were asked for; null: all. */
  readonly types: readonly string[] | null
  readonly masked: boolean
}

/** An open stream with whose it is. Plain JSON: it goes from a worker to its parent. */
export interface OpenStreamFacts extends StreamFacts {
  readonly kind: ChannelKind
  readonly keyId: string
  readonly credential: Principal['kind']
  /** Unix ms. */
  readonly openedAt: number
}

export interface EndOptions {
  /** When the client should come back, for streams that can say so. */
  readonly retryMs?: number
}

export interface Session {
  /** True once it has a seat. False when it gets none: it is then ended, and nothing more is to be sent on it. */
  readonly admitted: boolean | Promise<boolean>
  /** Ends it as the registry would: goodbye, and a cut if that takes longer than `limits.goodbyeMsMax`. */
  end(code: FailureCode, options?: EndOptions): void
  /** To be called once the connection is gone, however that came. */
  gone(): void
}

export interface SessionCounts {
  readonly workspace: number
  readonly observer: number
}

/** All open streams of this process. */
export interface Sessions {
  readonly maxStreamsPerWorkspace: number
  /** What a refused stream is told: how many its key could have had. */
  readonly maxStreamsPerKey: number
  /** Takes a stream in, or says why not: it is then the transport's to refuse, and to count. */
  open(request: SessionRequest): Session | 'too_many_streams' | 'server_draining' | 'overloaded'
  counts(): SessionCounts
  /** The streams of a workspace, without those that are ending or wait for a seat. */
  list(workspace: string): readonly OpenStreamFacts[]
  /** Ends all streams and takes no more. Resolves when they are gone, at the latest after the drain time. */
  drain(): Promise<void>
}

export interface SessionsDependencies {
  readonly gate: Gate
  readonly clock: Clock
  readonly meter: Meter
  /** Streams a workspace may have open, both kinds together. */
  readonly maxStreamsPerWorkspace: number
  readonly watch?: SessionWatch
  /** Streams that one key and its tokens may have open at this process. Default: what the workspace may. */
  readonly maxStreamsPerKey?: number | undefined
  /** Where they are counted. Default: at this process. */
  readonly seats?: Seats
  /** Whether the process has more to do than it can: it then takes no new streams. Default: it has not. */
  readonly isOverloaded?: () => boolean
  /** How long a drain may take, in milliseconds. */
  readonly drainMs: number
}

/** setTimeout fires at once above 2^31-1 ms; and a clock that jumps is noticed within this time. */
const EXPIRY_CHECK_MS_MAX = 60 * 60 * 1000
/** Streams ended together while draining: so that their clients do not all come back in the same instant. */
const DRAIN_BATCH = 500
const DRAIN_BATCH_MS = 50
/** The earliest a client is told to come back after a drain, and over how long: a millisecond a stream, within bounds. */
const RETRY_MS_MIN = 1000
const RETRY_SPREAD_MS = { min: 2000, max: 30_000 }

export function createSessions(dependencies: SessionsDependencies): Sessions {
  const { gate, clock, meter, watch, maxStreamsPerWorkspace, drainMs, isOverloaded = () => false } = dependencies
  const { maxStreamsPerKey = Number.POSITIVE_INFINITY } = dependencies
  const seats = dependencies.seats ?? createSeats(maxStreamsPerWorkspace)
  /** Streams that are not ending. */
  const open = new Set<OpenSession>()
  const byKey = new Map<string, Set<OpenSession>>()
  /** Streams whose connection still stands, those that are ending included. */
  const standing = new Set<OpenSession>()
  let draining = false
  let numbers = 0
  let allGone: () => void = () => {}

  gate.onRevoked((keyId) => {
    for (const session of [...(byKey.get(keyId) ?? [])]) session.end('credential_revoked')
  })

  class OpenSession implements Session {
    readonly request: SessionRequest
    readonly admitted: boolean | Promise<boolean>
    readonly #openedAt = clock.now()
    #isSeated = false
    #number = 0
    #code: FailureCode | undefined
    #cancelExpiry: (() => void) | undefined
    #cancelCut: (() => void) | undefined

    /** Registered before it has its seat: a revocation or a drain that comes while it waits for one must find it. */
    constructor(request: SessionRequest, seat: true | Promise<boolean>) {
      this.request = request
      const { principal } = request
      open.add(this)
      standing.add(this)
      const sameKey = byKey.get(principal.keyId) ?? new Set()
      byKey.set(principal.keyId, sameKey.add(this))
      if (principal.expiresAt !== undefined) this.#awaitExpiry(principal.expiresAt)
      this.admitted = seat === true ? this.#sit() : this.#await(seat)
    }

    describe(): OpenStreamFacts | undefined {
      if (!this.#isSeated) return undefined
      const { kind, principal } = this.request
      const whose = { kind, keyId: principal.keyId, credential: principal.kind, openedAt: this.#openedAt }
      return { ...this.request.facts(), ...whose }
    }

    end(code: FailureCode, options: EndOptions = {}): void {
      if (!open.has(this)) return
      this.#code = code
      this.#leave()
      if (code !== 'call_ended') meter.refused(code, this.request.workspace)
      // A client that does not read would keep its connection, and what is queued for it, for as long as it likes.
      this.#cancelCut = clock.after(limits.goodbyeMsMax, () => this.request.destroy())
      this.request.end(code, options)
    }

    gone(): void {
      this.#leave()
      this.#cancelCut?.()
      if (!standing.delete(this)) return
      if (this.#isSeated) {
        meter.streamClosed(this.request.kind)
        const how = { openedAt: this.#openedAt, endedAt: clock.now(), code: this.#code }
        watch?.ended(this.#number, this.request, how)
      }
      if (standing.size === 0) allGone()
    }

    #leave(): void {
      if (!open.delete(this)) return
      this.#cancelExpiry?.()
      const { workspace, principal } = this.request
      if (this.#isSeated) seats.give(workspace)
      const sameKey = byKey.get(principal.keyId)
      sameKey?.delete(this)
      if (sameKey?.size === 0) byKey.delete(principal.keyId)
    }

    #sit(): true {
      this.#isSeated = true
      meter.streamOpened(this.request.kind)
      numbers += 1
      this.#number = numbers
      watch?.opened(numbers, this.request)
      return true
    }

    async #await(seat: Promise<boolean>): Promise<boolean> {
      try {
        const isFree = await seat
        if (open.has(this)) {
          if (isFree) return this.#sit()
          this.end('too_many_streams')
        } else if (isFree) seats.give(this.request.workspace)
      } catch {
        this.end('stream_unavailable')
      }
      return false
    }

    #awaitExpiry(expiresAt: number): void {
      const leftMs = Math.max(0, expiresAt - clock.now())
      this.#cancelExpiry = clock.after(Math.min(leftMs, EXPIRY_CHECK_MS_MAX), () => {
        if (clock.now() >= expiresAt) this.end('credential_expired')
        else this.#awaitExpiry(expiresAt)
      })
    }
  }

  async function drain(): Promise<void> {
    draining = true
    if (standing.size === 0) return
    const gone = new Promise<void>((resolve) => {
      allGone = resolve
    })
    const deadline = new Promise<void>((resolve) => {
      clock.after(drainMs, () => {
        for (const { request } of standing) request.destroy()
        resolve()
      })
    })
    const leaving = [...open]
    const spreadMs = Math.min(RETRY_SPREAD_MS.max, Math.max(RETRY_SPREAD_MS.min, leaving.length))
    const batches = Math.ceil(leaving.length / DRAIN_BATCH)
    const pauseMs = Math.min(DRAIN_BATCH_MS, drainMs / 2 / Math.max(1, batches))
    for (let batch = 0; batch < batches; batch++) {
      if (batch > 0) await new Promise<void>((resolve) => clock.after(pauseMs, resolve))
      for (let index = batch * DRAIN_BATCH; index < Math.min(leaving.length, (batch + 1) * DRAIN_BATCH); index++) {
        const retryMs = RETRY_MS_MIN + Math.round((spreadMs * index) / leaving.length)
        leaving[index]?.end('server_draining', { retryMs })
      }
    }
    await Promise.race([gone, deadline])
  }

  return {
    maxStreamsPerWorkspace,
    maxStreamsPerKey: Math.min(maxStreamsPerKey, maxStreamsPerWorkspace),
    open(request) {
      if (draining) return 'server_draining'
      if (isOverloaded()) return 'overloaded'
      const { kind, keyId } = request.principal
      // The admin key is in every workspace, and whoever holds it may make any number of keys.
      if (kind !== 'admin' && (byKey.get(keyId)?.size ?? 0) >= maxStreamsPerKey) return 'too_many_streams'
      const seat = seats.take(request.workspace)
      return seat === false ? 'too_many_streams' : new OpenSession(request, seat)
    },
    counts() {
      let observer = 0
      for (const { request } of open) if (request.kind === 'observer') observer += 1
      return { workspace: open.size - observer, observer }
    },
    list(workspace) {
      const found: OpenStreamFacts[] = []
      for (const session of open) {
        const facts = session.request.workspace === workspace ? session.describe() : undefined
        if (facts) found.push(facts)
      }
      return found
    },
    drain,
  }
}
