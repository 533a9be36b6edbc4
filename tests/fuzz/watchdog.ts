import { Worker } from 'node:worker_threads'

const INPUT_BYTES_MAX = 64 * 1024
/** No input takes this long, beside whatever else the machine does. */
const HUNG_MS = 20_000

/**
 * Ends the process when one input never ends, and says which it was: a loop that does not come back lets nothing else of its
 * own thread run. Plain JavaScript in a text, because a thread does not inherit the loader of TypeScript.
 */
export class Watchdog {
  private readonly shared = new SharedArrayBuffer(8 + INPUT_BYTES_MAX)
  private readonly counters = new Int32Array(this.shared, 0, 2)
  private readonly bytes = new Uint8Array(this.shared, 8)
  private readonly worker: Worker

  constructor(replay: string) {
    const code = `
      const { workerData: { shared, replay, ms } } = require('node:worker_threads')
      const counters = new Int32Array(shared, 0, 2)
      let last = -1
      setInterval(() => {
        if (counters[0] !== last) { last = counters[0]; return }
        const input = Buffer.from(new Uint8Array(shared, 8, counters[1])).toString('base64')
        require('node:fs').writeSync(2, 'HUNG on one input. To see it again:\\n  ' + replay + ' ' + input + '\\n')
        process.kill(process.pid, 'SIGKILL')
      }, ms)`
    this.worker = new Worker(code, { eval: true, workerData: { shared: this.shared, replay, ms: HUNG_MS } })
    this.worker.unref()
  }

  isAt(input: Uint8Array): void {
    const kept = input.subarray(0, INPUT_BYTES_MAX)
    this.bytes.set(kept)
    this.counters[1] = kept.length
    Atomics.add(this.counters, 0, 1)
  }

  async end(): Promise<void> {
    await this.worker.terminate()
  }
}
