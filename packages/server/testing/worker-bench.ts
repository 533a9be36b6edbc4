import { rmSync } from 'node:fs'
import { createToolCalls } from '../src/ingest/tool-calls.js'
import { type LmdbEngine, type LmdbOptions, openLmdbEngine } from '../src/log/lmdb.js'
import { createSeats } from '../src/transport/seats.js'
import { Hub } from '../src/workers/hub.js'
import { Line } from '../src/workers/line.js'
import type { ParentSide, WorkerSide } from '../src/workers/protocol.js'
import { openWorkerEngine, type WorkerEngine } from '../src/workers/worker-engine.js'
import { duplexPair } from './duplex-pair.js'
import { newFolder } from './lmdb-bench.js'
import type { Bench } from './stand.js'

export interface WorkerBenchOptions extends Omit<LmdbOptions, 'dir'> {
  readonly onListenerError: (error: unknown) => void
}

/** A parent, and its workers' engines over lines within this process. */
export class Parent {
  readonly hub: Hub
  private readonly workers: WorkerEngine[] = []

  private constructor(
    private readonly dir: string,
    private readonly options: WorkerBenchOptions,
    readonly engine: LmdbEngine,
  ) {
    this.hub = new Hub({
      engine,
      clock: options.clock,
      seats: createSeats(10),
      toolCalls: createToolCalls(engine.log),
      twilio: { receive: () => Promise.reject(new Error('no callbacks here')) },
      metrics: () => Promise.reject(new Error('no metrics here')),
      presence: () => Promise.reject(new Error('nobody listens here')),
    })
  }

  static async open(dir: string, options: WorkerBenchOptions): Promise<Parent> {
    return new Parent(dir, options, await openLmdbEngine({ ...options, dir }))
  }

  async worker(): Promise<WorkerEngine> {
    const [here, there] = duplexPair()
    this.hub.attach(here, { onStuck() {}, onClose() {}, onLogged() {} })
    let engine: WorkerEngine | undefined
    const line = new Line<WorkerSide, ParentSide>(there, {
      calls: { start: unused, listen: unused, stop: unused, measure: unused, presence: unused },
      hear(news) {
        if (news.kind === 'followed' || news.kind === 'changed' || news.kind === 'erased') engine?.hear(news)
        else if (news.kind === 'health') engine?.hearHealth(news.health)
      },
      onClose() {},
    })
    engine = await openWorkerEngine({ ...this.options, dir: this.dir, line })
    this.hub.tellHealth()
    await line.ask('catchUp')
    this.workers.push(engine)
    return engine
  }

  async close(): Promise<void> {
    for (const worker of this.workers) await worker.close()
    this.hub.close()
    await this.engine.close()
  }
}

/** The engine of a worker, whose parent is another end of a line. */
export async function openWorkerBench(options: WorkerBenchOptions, dir = newFolder()): Promise<Bench> {
  let parent = await Parent.open(dir, options)
  let engine = await parent.worker()
  return {
    dir,
    get engine() {
      return engine
    },
    another: () => parent.worker(),
    async reopen() {
      await parent.close()
      parent = await Parent.open(dir, options)
      engine = await parent.worker()
      return engine
    },
    async end() {
      await parent.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function unused(): Promise<never> {
  return Promise.reject(new Error('not asked here'))
}
