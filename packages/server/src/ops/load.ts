import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../clock.js'

/** How often it is looked at, in ms: by a timer, so that no event and no request pays for it. */
export const LOOK_EVERY_MS = 100
/** The event loop is late when what is due waits longer than this on average, in ms: readers begin to notice. */
export const LATE_MS = 500
/** And in time again below this: no to and fro at one limit. */
const IN_TIME_MS = 100
/** What one look weighs: a single pause of a second makes nobody late, a second of pauses does. */
const WEIGHT = 0.2

/** Of the memory that the process may have: above it new work is refused, and below the second taken again. */
export const MEMORY_SHARE_MAX = 0.9
const MEMORY_SHARE_FINE = 0.8

/** What a process uses of the memory that it may have. */
export interface MemoryUse {
  readonly usedBytes: number
  readonly limitBytes: number
}

/**
 * How busy a process is. What is new is refused while it has more to do than it can, so that what it has taken on goes on as
 * before.
 */
export interface Load {
  /** Why new streams are refused now, for people; undefined when they are not. */
  readonly trouble: string | undefined
  /** True while memory is so short that events are refused too. */
  readonly isShort: boolean
  /** How late the event loop is on average, in ms. */
  readonly lateMs: number
  /** Of the memory that it may have, 0 to 1. */
  readonly memoryShare: number
  close(): void
}

export function watchLoad(clock: Clock, memory: () => MemoryUse = memoryOfProcess): Load {
  let lateMs = 0
  let memoryShare = 0
  let isLate = false
  let isShort = false
  let cancel = (): void => {}

  function look(due: number): void {
    lateMs += WEIGHT * (Math.max(0, clock.monotonic() - due) - lateMs)
    isLate = lateMs > (isLate ? IN_TIME_MS : LATE_MS)
    const { usedBytes, limitBytes } = memory()
    memoryShare = usedBytes / limitBytes
    isShort = memoryShare > (isShort ? MEMORY_SHARE_FINE : MEMORY_SHARE_MAX)
    lookLater()
  }

  function lookLater(): void {
    const due = clock.monotonic() + LOOK_EVERY_MS
    cancel = clock.after(LOOK_EVERY_MS, () => look(due))
  }

  lookLater()
  return {
    get trouble() {
      if (isShort) return `Memory is nearly used up (${Math.round(memoryShare * 100)} %): nothing new is taken.`
      if (isLate) return `It has more to do than it can (${Math.round(lateMs)} ms late): no new streams.`
      return undefined
    },
    get isShort() {
      return isShort
    },
    get lateMs() {
      return lateMs
    },
    get memoryShare() {
      return memoryShare
    },
    close: () => cancel(),
  }
}

/** A container's limit; what has none says a number beyond any machine. */
const CONSTRAINED_BYTES = process.constrainedMemory?.() || Number.POSITIVE_INFINITY

/**
 * The nearer of two limits: the heap's own, which `--max-old-space-size` sets, and the container's. Pages of the log that are
 * mapped into memory are not counted, for the system takes them back when it needs them.
 */
function memoryOfProcess(): MemoryUse {
  const {
    used_heap_size: heap,
    heap_size_limit: heapLimit,
    external_memory: external,
    malloced_memory: other,
  } = getHeapStatistics()
  const all = heap + external + other
  return heap / heapLimit > all / CONSTRAINED_BYTES
    ? { usedBytes: heap, limitBytes: heapLimit }
    : { usedBytes: all, limitBytes: CONSTRAINED_BYTES }
}
