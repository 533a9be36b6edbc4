import type { Duplex } from 'node:stream'
import { Line } from './line.js'
import type { Frame } from './pipe.js'
import type { ParentSide, WorkerNews, WorkerSide } from './protocol.js'

const MiB = 1024 * 1024

/**
 * Bytes that may wait for a worker to take them off. One that is further behind does not run: it is ended and replaced,
 * rather than that its parent's memory grows or others wait. The largest flush has about 8 MiB.
 */
export const WAITING_BYTES_MAX = 32 * MiB

/** Pulses, a second each, that a worker may leave unanswered. */
export const UNANSWERED_PULSES_MAX = 10

/** What is to be done for a worker when it asks, and when it is of no more use. */
export interface DeskOptions {
  readonly calls: ParentSide['calls']
  readonly hear: (news: WorkerNews) => void
  /** It does not take off what it is told, or does not answer. To be called once; its process is to be ended then. */
  readonly onStuck: (why: string) => void
  readonly onClose: () => void
}

/** One worker, as its parent sees it over the line. */
export class Desk {
  readonly line: Line<ParentSide, WorkerSide>
  private unanswered: number | undefined
  private isStuck = false

  constructor(
    stream: Duplex,
    private readonly options: DeskOptions,
  ) {
    this.line = new Line<ParentSide, WorkerSide>(stream, {
      calls: options.calls,
      hear: (news) => {
        if (news.kind !== 'pulse') options.hear(news)
        else if (this.unanswered !== undefined) this.unanswered = 0
      },
      onClose: options.onClose,
    })
  }

  tellFrame(frame: Frame): void {
    if (this.isStuck) return
    this.line.tellFrame(frame)
    if (this.line.waitingBytes > WAITING_BYTES_MAX) this.stuck(`it is ${WAITING_BYTES_MAX / MiB} MiB behind`)
  }

  /** From now on its pulse is counted: a worker that is still starting may be busy for long. */
  started(): void {
    this.unanswered = 0
  }

  /** To be called once a second. */
  pulse(): void {
    // Counted and not timed: a parent that was stopped itself must not blame its workers when it goes on.
    if (this.unanswered !== undefined && this.unanswered++ >= UNANSWERED_PULSES_MAX) {
      this.stuck(`it has not answered for ${UNANSWERED_PULSES_MAX} s`)
    } else this.line.tell({ kind: 'pulse' })
  }

  private stuck(why: string): void {
    if (this.isStuck) return
    this.isStuck = true
    this.options.onStuck(why)
  }
}
