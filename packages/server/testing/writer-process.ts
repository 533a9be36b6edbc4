import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { Log } from '../src/log/log.js'
import { entriesOf } from './stand.js'
import { CHANNELS, numbered } from './writer-events.js'

const HERE = fileURLToPath(new URL('.', import.meta.url))

/** Starts writer.ts on a folder, and keeps what it says. */
export class WriterProcess {
  /** Sequence by number, of all that was acknowledged. */
  readonly acked = new Map<number, number>()
  readonly refused: string[] = []
  private readonly child: ChildProcess
  private readonly lines: Promise<void>
  private readonly waiting: { isMet: () => boolean; resolve: () => void }[] = []
  private isOpen = false

  constructor(dir: string, first: number) {
    const args = ['-C', '@switchboard/source', '--import', 'tsx', 'writer.ts', dir, String(first)]
    this.child = spawn(process.execPath, args, { cwd: HERE, stdio: ['ignore', 'pipe', 'ignore'] })
    const input = this.child.stdout
    if (input === null) throw new Error('the writer has no output')
    this.lines = this.listen(createInterface(input))
  }

  get exitCode(): number | null {
    return this.child.exitCode
  }

  get signal(): NodeJS.Signals | null {
    return this.child.signalCode
  }

  async until(isMet: (writer: WriterProcess) => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      this.waiting.push({ isMet: () => isMet(this), resolve })
      this.check()
    })
    if (!isMet(this)) throw new Error(`the writer ended (${this.child.exitCode ?? this.child.signalCode}) too early`)
  }

  /** Ends it without a chance to clean up, and hears all it said before. */
  async kill(): Promise<void> {
    const exited = this.child.exitCode === null && this.child.signalCode === null ? once(this.child, 'exit') : undefined
    this.child.kill('SIGKILL')
    await exited
    await this.lines
  }

  private async listen(lines: AsyncIterable<string>): Promise<void> {
    for await (const line of lines) {
      const [word, first, second] = line.split(' ')
      if (word === 'open') this.isOpen = true
      else if (word === 'ack') this.acked.set(Number(first), Number(second))
      else if (word === 'refused') this.refused.push(`${first} ${second}`)
      this.check()
    }
    for (const { resolve } of this.waiting.splice(0)) resolve()
  }

  private check(): void {
    for (const { isMet, resolve } of [...this.waiting]) if (this.isOpen && isMet()) resolve()
  }
}

/**
 * Checks a log that writer.ts filled, in one life or many, against all it ever acknowledged.
 * @returns How many events it holds.
 */
export async function expectAllAcknowledged(log: Log, acked: ReadonlyMap<number, number>): Promise<number> {
  const found = new Map<number, number>()
  let total = 0
  for (const [index, channel] of CHANNELS.entries()) {
    const entries = await entriesOf(log, channel)
    for (const [at, { position, event }] of entries.entries()) {
      const n = event.n as number
      expect(position.sequence).toBe(at + 1)
      expect(found.has(n)).toBe(false)
      expect(n % CHANNELS.length).toBe(index)
      expect(event).toEqual(numbered(n).event)
      found.set(n, position.sequence)
    }
    total += entries.length
  }
  for (const [n, sequence] of acked) expect(found.get(n), `event ${n}`).toBe(sequence)
  expect(await log.verify()).toEqual([])
  const counted = (await Promise.all(['w1', 'w2'].map((workspace) => log.records(workspace, 'calls')))).flatMap(
    ({ items }) => items.map(({ record }) => Number(record.events)),
  )
  // A fold in the same transaction never lags: it has counted exactly what is there.
  expect(counted.reduce((sum, events) => sum + events, 0)).toBe(total)
  return total
}
