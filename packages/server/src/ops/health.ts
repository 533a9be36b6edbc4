import type { Readiness } from '@switchboard/contract'
import type { Log } from '../log/log.js'

/** How the process stands to traffic. `draining` and `failed` are final. */
export type HealthState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'draining' }
  /** The process cannot trust itself any more and is about to end. */
  | { readonly kind: 'failed'; readonly reason: string }

export type HealthEvent =
  | { readonly kind: 'started' }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'failed'; readonly reason: string }

/** The state after an event; the same object when nothing changes. */
export function nextHealth(state: HealthState, event: HealthEvent): HealthState {
  if (state.kind === 'failed') return state
  switch (event.kind) {
    case 'started':
      return state.kind === 'starting' ? { kind: 'ready' } : state
    case 'stopping':
      return state.kind === 'draining' ? state : { kind: 'draining' }
    case 'failed':
      return { kind: 'failed', reason: event.reason }
  }
}

/** What is wrong with a part of the process, in words that hold no id and no secret; undefined when nothing is. */
export type Check = () => string | undefined

/** Whether the process can take traffic, and why not. */
export interface Health {
  readonly state: HealthState
  /** True unless the process is starting, going away or failed. */
  readonly isReady: boolean
  readonly isDraining: boolean
  tell(event: HealthEvent): void
  /** Looks at a part whenever somebody asks. It answers from memory: a probe must not wait for a disk. */
  check(name: string, check: Check): void
  /** What `/readyz` answers. */
  readiness(): Readiness
}

export function createHealth(): Health {
  let state: HealthState = { kind: 'starting' }
  const checks = new Map<string, Check>()

  function readiness(): Readiness {
    const found = [...checks].map(([name, check]) => outcome(name, check()))
    const all = [outcome('process', wordsOf(state)), ...found]
    return { status: all.every(({ ok }) => ok) ? 'ready' : 'not_ready', checks: all }
  }

  return {
    get state() {
      return state
    },
    get isReady() {
      return readiness().status === 'ready'
    },
    get isDraining() {
      return state.kind === 'draining' || state.kind === 'failed'
    },
    tell(event) {
      state = nextHealth(state, event)
    },
    check(name, check) {
      checks.set(name, check)
    },
    readiness,
  }
}

function outcome(name: string, detail: string | undefined): Readiness['checks'][number] {
  return detail === undefined ? { name, ok: true } : { name, ok: false, detail }
}

function wordsOf(state: HealthState): string | undefined {
  switch (state.kind) {
    case 'ready':
      return undefined
    case 'starting':
      return 'It is starting.'
    case 'draining':
      return 'It is going away.'
    case 'failed':
      return state.reason
  }
}

/** What is wrong with the log. Which channels are damaged is not told here: anybody may ask. */
export function storageCheck(log: Pick<Log, 'health'>): Check {
  return () => {
    const { writable, faults } = log.health()
    const codes = new Set(faults.map(({ code }) => code))
    const damaged = faults.filter(({ code }) => code === 'damaged').length
    const words = [
      codes.has('storage_full') && 'The disk is full: make room.',
      codes.has('storage_fault') && 'The storage failed: look at the log and at the disk, then restart.',
      codes.has('unreachable') && 'The NATS servers do not answer, or have no leader.',
      codes.has('behind') && 'It is still catching up with the stream.',
      damaged > 0 &&
        `${damaged} damaged ${damaged === 1 ? 'place' : 'places'} in what is stored: the log of the server names them, and \`switchboard restore\` brings a back-up back.`,
      !writable && 'Nothing more is acknowledged.',
    ].filter((word) => word !== false)
    return words.length === 0 ? undefined : words.join(' ')
  }
}

/** What is wrong when as much waits for the storage as may. */
export function waitingTrouble({
  events,
  isFull,
}: {
  readonly events: number
  readonly isFull: boolean
}): string | undefined {
  return isFull ? `${events} events wait for the storage: publishing is refused.` : undefined
}
