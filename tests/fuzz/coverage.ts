import { type Profiler, Session } from 'node:inspector'

/** Which characters of a script have run: once (`ever`), and when it was last asked (`now`). */
interface Painted {
  readonly ever: Uint8Array
  readonly now: Uint8Array
}

/**
 * Which code of ours has run, asked of V8 itself. Asking costs milliseconds, because every function that is loaded is looked
 * through; whoever runs many inputs asks once for all of them, and only then which of them it was.
 *
 * It is counted in characters, not in the blocks that V8 answers with: of two nested blocks that ran equally often it names
 * the outer one alone, so that one run and many runs of the same code are told in different blocks.
 */
export class Coverage {
  private readonly session = new Session()
  private readonly scripts = new Map<string, Painted>()

  constructor(private readonly isOurs: (url: string) => boolean) {
    this.session.connect()
    this.post('Profiler.enable')
    this.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true, allowTriggeredUpdates: false })
  }

  /** Characters of code that have run and are known. */
  get reached(): number {
    let sum = 0
    for (const { ever } of this.scripts.values()) for (const painted of ever) sum += painted
    return sum
  }

  /** Whether code has run since the last time this was asked that is not known. */
  isFresh(): boolean {
    const { result } = this.post('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType
    for (const { now } of this.scripts.values()) now.fill(0)
    let isFresh = false
    for (const { scriptId, url, functions } of result) {
      if (!this.isOurs(url)) continue
      const end = Math.max(...functions.map(({ ranges }) => ranges[0]?.endOffset ?? 0))
      const { ever, now } = this.painted(scriptId, end)
      // Outer functions and ranges come before inner ones.
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) now.fill(count > 0 ? 1 : 0, startOffset, endOffset)
      }
      isFresh ||= now.some((painted, at) => painted > (ever[at] as number))
    }
    return isFresh
  }

  /** What was fresh when it was last asked is known from now on. */
  know(): void {
    for (const { ever, now } of this.scripts.values()) {
      for (let at = 0; at < now.length; at++) if (now[at] === 1) ever[at] = 1
    }
  }

  end(): void {
    this.post('Profiler.stopPreciseCoverage')
    this.session.disconnect()
  }

  private painted(script: string, length: number): Painted {
    const known = this.scripts.get(script)
    if (known !== undefined && known.now.length >= length) return known
    const ever = new Uint8Array(length)
    if (known !== undefined) ever.set(known.ever)
    const made = { ever, now: new Uint8Array(length) }
    this.scripts.set(script, made)
    return made
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
