import { type Profiler, Session } from 'node:inspector'

/**
 * Which blocks of our own code have run, asked of V8 itself. Asking costs milliseconds, because every function that is loaded
 * is looked through; whoever runs many inputs asks once for all of them, and only then which of them it was.
 */
export class Coverage {
  private readonly session = new Session()
  private readonly seen = new Set<string>()

  constructor(private readonly isOurs: (url: string) => boolean) {
    this.session.connect()
    this.post('Profiler.enable')
    this.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true, allowTriggeredUpdates: false })
  }

  get blocks(): number {
    return this.seen.size
  }

  /** Blocks that have run since the last time this was asked, and never before that. */
  fresh(): readonly string[] {
    const { result } = this.post('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType
    const fresh: string[] = []
    for (const { scriptId, url, functions } of result) {
      if (!this.isOurs(url)) continue
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          const block = `${scriptId}:${startOffset}-${endOffset}`
          if (count > 0 && !this.seen.has(block)) fresh.push(block)
        }
      }
    }
    return fresh
  }

  know(blocks: readonly string[]): void {
    for (const block of blocks) this.seen.add(block)
  }

  end(): void {
    this.post('Profiler.stopPreciseCoverage')
    this.session.disconnect()
  }

  /** The profiler of one's own process answers before the call returns. */
  private post(method: string, params?: object): unknown {
    let answer: unknown
    let failed: Error | null = null
    this.session.post(method, params, (error, result) => {
      failed = error
      answer = result
    })
    if (failed !== null) throw failed
    return answer
  }
}
