import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { limits, type Position } from '@switchboard/contract'
import { COMMIT_MS_MAX } from '../../src/log/disk.js'
import type { Row } from '../../src/log/environment.js'
import { numberOf, parseChannelKey } from '../../src/log/keys.js'
import type { Channel } from '../../src/log/log.js'
import { Audience } from './audience.js'
import { Chance } from './chance.js'
import { Consequences } from './consequences.js'
import { SimulatedDisk } from './disk.js'
import { EventLoop, SimulatedClock, settled, takeTimers } from './event-loop.js'
import { Ledger } from './ledger.js'
import { look } from './looks.js'
import { SimulatedProcess } from './process.js'
import { Producers } from './producers.js'
import type { Stage } from './stage.js'
import { Truth } from './truth.js'

const HOUR = 3_600_000
const WINDOW = 2 * HOUR
/** Steps of a schedule, before everything is put right and must come to rest. */
const STEPS = { min: 20, max: 160 }
/** Turns, disk answers and deliveries in which everything that is not held up comes to rest. */
const SETTLE_STEPS_MAX = 5000
/** Longest that a busy fan-out may put its next turn off. */
const PAUSE_MS_MAX = limits.fanoutWindowMsMax

const channels: readonly Channel[] = [
  { workspace: 'w1' },
  { workspace: 'w2' },
  { workspace: 'w1', call: 'c1' },
  // Another call of the same name.
  { workspace: 'w2', call: 'c1' },
]

/** One thing that can happen next. */
interface Step {
  readonly name: string
  readonly weight: number
  run(): void | Promise<void>
}

/** One life of the core, several of its processes one after another, as a seed orders it. */
export class World {
  readonly #chance: Chance
  readonly #clock = new SimulatedClock()
  readonly #disk: SimulatedDisk
  readonly #truth: Truth
  readonly #ledger: Ledger
  readonly #stage: Stage
  readonly #producers: Producers
  readonly #consequences = new Consequences()
  readonly #audience: Audience
  readonly #weights = new Map<string, number>()
  readonly #lines: string[] = []
  #loop = new EventLoop()
  #process: SimulatedProcess | undefined
  #violation: unknown
  step = 0

  constructor(seed: number) {
    this.#chance = new Chance(seed)
    this.#disk = new SimulatedDisk(this.#chance, this.#clock, (writes, asked) => {
      this.#note(`landed ${writes.length}`)
      this.#check(() => {
        this.#consequences.landed(writes)
        this.#truth.landed(this.#disk, writes, asked)
      })
    })
    this.#truth = new Truth(channels, (channel, entries, asked) => {
      this.#ledger.given(channel, entries, asked)
      this.#consequences.given(this.#disk, channel, entries)
    })
    this.#ledger = new Ledger(this.#truth, WINDOW)
    this.#stage = {
      chance: this.#chance,
      clock: this.#clock,
      disk: this.#disk,
      truth: this.#truth,
      ledger: this.#ledger,
      note: (line) => this.#note(line),
      check: (check) => this.#check(check),
    }
    this.#producers = new Producers(this.#stage, channels)
    this.#audience = new Audience(this.#stage, channels)
    if (this.#chance.is(0.2)) this.#clock.lookMs = this.#chance.between(1, 3)
  }

  get trace(): string {
    return createHash('sha256').update(this.#lines.join('\n')).digest('hex')
  }

  /** What happened last, the newest at the end. */
  get lines(): readonly string[] {
    return this.#lines
  }

  /** Runs a schedule. @throws what was violated. */
  async run(): Promise<void> {
    const steps = this.#chance.between(STEPS.min, STEPS.max)
    const onUnhandled = (reason: unknown) => this.#check(() => assert.fail(`nobody has caught ${reason}`))
    process.on('unhandledRejection', onUnhandled)
    const giveBack = takeTimers(() => this.#loop, this.#clock)
    try {
      this.#start()
      for (this.step = 1; this.step <= steps; this.step++) {
        const step = this.#chance.weighed(this.#steps())
        this.#note(step.name)
        await step.run()
        await this.#checked()
      }
      await this.#end()
      // Only then is it known whose rejections nobody has caught.
      await setImmediate()
      await this.#checked()
    } finally {
      giveBack()
      process.off('unhandledRejection', onUnhandled)
    }
  }

  #steps(): readonly Step[] {
    const steps: Step[] = []
    const can = (name: string, weight: number, run: () => void | Promise<void>) =>
      void steps.push({ name, weight: weight * this.#weightOf(name), run })
    const process = this.#process
    const disk = this.#disk
    if (process === undefined) can('start', 5, () => this.#start())
    else {
      if (!this.#loop.isIdle) can('turn', 14, () => this.#loop.turn())
      if (disk.isBusy && !disk.hangs) this.#diskSteps(can)
      can('publish', process.log.health().writable ? 6 : 1, () => this.#producers.publish(process))
      const { repeatable, repeatableLines, isChunkUnderWay } = this.#producers
      if (repeatable.length > 0) can('repeat', 2, () => this.#producers.send(process, this.#chance.pick(repeatable)))
      can('lines', 0.7, () => this.#producers.publishLines(process))
      if (isChunkUnderWay) can('chunk', 4, () => this.#producers.arrive())
      if (repeatableLines.length > 0) {
        can('repeat-lines', 0.5, () => this.#producers.sendLines(process, this.#chance.pick(repeatableLines)))
      }
      can('look', 1, () => look(this.#stage, process, this.#truth.of(this.#chance.pick(channels))))
      can('retain', 0.4, () => this.#retain(process))
      can('erase', 0.2, () => this.#erase(process))
      can('crash', 0.3, () => this.#crash())
      if (!process.isClosing) can('close', 0.1, () => this.#close(process))
      if (process.isBroken) can('crash', 2, () => this.#crash())
      if (!disk.isBusy) can('settle', 0.6, () => this.#settle(process))
    }
    if (!disk.isFull) can('disk-full', 0.2, () => this.#setFull(true))
    else can('disk-freed', 1, () => this.#setFull(false))
    if (!disk.hangs) {
      can('disk-hangs', 0.1, () => disk.hang())
      can('disk-chokes', 0.1, () => {
        this.#setFull(true)
        disk.hang()
      })
    } else can('disk-wakes', 0.5, () => disk.wake())
    const blocks = disk.rows('blocks')
    if (blocks.length > 0) can('bit-flips', 0.1, () => this.#flip(this.#chance.pick(blocks)))
    this.#networkSteps(can)
    can('moment', 1.5, () => this.#pass(this.#chance.between(1, 60)))
    can('second', 0.5, () => this.#pass(this.#chance.between(100, 2500)))
    // A disk that works answers sooner than that.
    if (!disk.isBusy || disk.hangs)
      can('minute', disk.hangs ? 2 : 1.2, () => this.#pass(this.#chance.between(15_000, 70_000)))
    can('clock-back', 0.2, () => this.#jump(-this.#chance.between(1, HOUR)))
    can('clock-ahead', 0.2, () => this.#jump(this.#chance.between(1, HOUR)))
    can('clock-far-ahead', 0.1, () => this.#jump(2 * WINDOW))
    return steps.filter(({ weight }) => weight > 0)
  }

  #diskSteps(can: (name: string, weight: number, run: () => void) => void): void {
    const disk = this.#disk
    if (disk.hasLanded) can('answer', 8, () => disk.answer())
    else {
      can('land', disk.isFull ? 1 : 8, () => disk.land())
      if (disk.isFull) can('no-space', 6, () => disk.refuse())
      // A full disk may say so as well: LMDB does when it takes a part of a write.
      can('disk-fails', disk.isFull ? 1 : 0.1, () => {
        if (!disk.isFull && this.#process) this.#process.isBroken = true
        disk.fail()
      })
    }
  }

  #networkSteps(can: (name: string, weight: number, run: () => void) => void): void {
    const { away, connected, stalled, ready, left, hasRoom } = this.#audience
    const process = this.#process
    if (process !== undefined) {
      if (hasRoom) can('listen', 1.5, () => this.#audience.listen(process))
      if (away.length > 0) can('resume', 4, () => this.#audience.connect(process, this.#chance.pick(away)))
    }
    if (ready.length > 0) {
      can('deliver', 8, () => {
        const bytes = this.#chance.is(0.3) ? this.#chance.between(1, 300) : Number.MAX_SAFE_INTEGER
        this.#chance.pick(ready).socket?.deliver(bytes)
      })
    }
    if (connected.length > 0) {
      can('stall', 0.5, () => this.#chance.pick(connected).stall())
      can('leave', 0.7, () => this.#audience.leave(this.#chance.pick(connected)))
    }
    if (stalled.length > 0) can('go-on', 0.8, () => this.#chance.pick(stalled).goOn())
    if (left.length > 0) can('hear-of-leave', 2, () => this.#audience.hearOfLeave(this.#chance.pick(left)))
  }

  /** A quarter of what can happen never does in a schedule, and a quarter often: each schedule has a bent of its own. */
  #weightOf(name: string): number {
    if (ALWAYS.has(name)) return 1
    let weight = this.#weights.get(name)
    if (weight === undefined) {
      weight = this.#chance.pick([0, 1, 1, 3])
      this.#weights.set(name, weight)
    }
    return weight
  }

  #start(): void {
    this.#process = new SimulatedProcess(this.#stage, WINDOW)
  }

  #retain(process: SimulatedProcess): void {
    const times = [...this.#truth.channels].flatMap(({ given }) => given.map(({ position }) => position.time))
    const before = times.length === 0 ? this.#clock.now() : this.#chance.pick(times) + this.#chance.below(2)
    this.#note(`before ${before}`)
    const old: Position[] = []
    for (const truth of this.#truth.channels) {
      truth.mayRemoveBefore = Math.max(truth.mayRemoveBefore, before)
      old.push(
        ...truth.given.filter(({ isKept, position }) => isKept && position.time < before).map((each) => each.position),
      )
    }
    this.#removal(process, process.log.retain(before), () => {
      for (const truth of this.#truth.channels) {
        // Of what is damaged only the next block tells how old it is.
        const left = truth.given.find((entry) => entry.isKept && !entry.isDamaged && old.includes(entry.position))
        assert(left === undefined, `P6: ${left?.name} is kept after retention`)
      }
    })
  }

  #erase(process: SimulatedProcess): void {
    const truth = this.#truth.of(this.#chance.pick(channels))
    const { channel } = truth
    this.#note(`of ${channel.workspace}/${channel.call ?? ''}`)
    const through = truth.newestSequence
    truth.mayRemoveThrough = through
    this.#ledger.erase(channel)
    this.#removal(process, process.log.erase(channel), () => {
      this.#ledger.erased(channel)
      const left = truth.given.find(({ isKept, position }) => isKept && position.sequence <= through)
      assert(left === undefined, `P6: ${left?.name} is kept after an erasure`)
      process.fanout.forget(channel)
    })
  }

  #removal(process: SimulatedProcess, removing: Promise<unknown>, done: () => void): void {
    process.removals += 1
    removing.then(
      () => {
        process.removals -= 1
        this.#note('removed')
        if (this.#process === process) this.#check(done)
      },
      (error) => {
        process.removals -= 1
        this.#note(`not removed: ${error.code ?? error}`)
        const isExcused = process.wasFull || process.isBroken || process.isClosing
        this.#check(() => assert(isExcused, `a removal failed: ${error}`))
      },
    )
  }

  #crash(): void {
    this.#disk.crash()
    this.#dead()
  }

  /** A shutdown in good order. What it waits for goes on as the schedule has it. */
  #close(process: SimulatedProcess): void {
    const { log, ingest, fanout } = process
    process.isClosing = true
    ingest.refuse()
    log.close().then(() => {
      if (this.#process !== process) return
      this.#check(() => assert(process.isBroken || !this.#disk.isBusy, 'closed before all was stored'))
      fanout.close()
      ingest.close()
      this.#note('closed')
      this.#disk.crash()
      this.#dead()
    })
  }

  #dead(): void {
    this.#process = undefined
    this.#loop = new EventLoop()
    this.#clock.dropTimers()
    this.#producers.abandon()
    this.#ledger.crashed()
    this.#audience.cutOff()
  }

  #flip(block: Row): void {
    this.#note(`in the block of ${numberOf(block.key)} of ${JSON.stringify(parseChannelKey(block.key))}`)
    this.#disk.flip('blocks', block)
    this.#truth.damaged(block.key)
  }

  #setFull(isFull: boolean): void {
    this.#disk.isFull = isFull
    if (isFull && this.#process) this.#process.wasFull = true
  }

  async #pass(ms: number): Promise<void> {
    const until = this.#clock.elapsed + ms
    while (this.#clock.fireNext(until - this.#clock.elapsed)) {
      if (this.#disk.busyMs >= COMMIT_MS_MAX && this.#process) this.#process.isBroken = true
      await settled()
    }
    this.#clock.pass(until - this.#clock.elapsed)
    this.#ledger.latest = Math.max(this.#ledger.latest, this.#clock.now())
  }

  #jump(ms: number): void {
    this.#clock.jump(ms)
    if (ms < 0) this.#ledger.setBacks += 1
    this.#ledger.latest = Math.max(this.#ledger.latest, this.#clock.now())
  }

  /**
   * Nothing new happens until all is done that can be done. Whoever is stalled stays so, and nobody else may notice: every
   * request is answered, and every other subscriber knows all that it asked for.
   */
  async #settle(process: SimulatedProcess): Promise<void> {
    await settled()
    for (let count = 0; await this.#goOn(); count++) {
      await this.#checked()
      assert(count < SETTLE_STEPS_MAX, 'it never comes to rest')
      if (this.#process !== process) return
    }
    if (this.#disk.hangs || process.isBroken || process.isClosing) return
    const { unanswered } = this.#producers
    assert(unanswered === undefined, `${unanswered} is never answered`)
    assert(process.removals === 0, 'a removal never ends')
    this.#audience.assertComplete()
  }

  /** One step towards rest. False when there is none. */
  async #goOn(): Promise<boolean> {
    const disk = this.#disk
    if (!this.#loop.isIdle) await this.#loop.turn()
    else if (disk.isBusy && !disk.hangs) {
      if (disk.hasLanded) disk.answer()
      else if (disk.isFull) disk.refuse()
      else disk.land()
      await settled()
    } else {
      const [ready] = this.#audience.ready
      if (ready) {
        ready.socket?.deliver(Number.MAX_SAFE_INTEGER)
        await settled()
      } else if (this.#producers.isChunkUnderWay) {
        this.#producers.arrive()
        await settled()
      } else if (this.#clock.fireNext(PAUSE_MS_MAX)) await settled()
      else return false
    }
    return true
  }

  /** Everything is put right; then everybody must come to know everything. */
  async #end(): Promise<void> {
    this.#note('end')
    if (this.#process !== undefined && this.#chance.is(0.5)) this.#crash()
    this.#setFull(false)
    this.#disk.wake()
    if (this.#process === undefined || this.#process.isBroken || this.#process.isClosing) {
      if (this.#process !== undefined) this.#crash()
      this.#start()
    }
    const process = this.#process as SimulatedProcess
    await this.#settle(process)
    // A full disk is tried again a while after it has been freed.
    for (let second = 0; second < 3; second++) await this.#pass(1000)
    await this.#settle(process)
    for (const socket of this.#audience.left) this.#audience.hearOfLeave(socket)
    for (const listener of this.#audience.stalled) listener.goOn()
    await this.#settle(process)
    for (const listener of this.#audience.away) this.#audience.connect(process, listener)
    this.#audience.listenToAll(process)
    await this.#checked()
    await this.#settle(process)
    await this.#checked()
    const isDamaged = [...this.#truth.channels].some((channel) => channel.isDamaged)
    const faults = process.log.health().faults.filter(({ code }) => code !== 'damaged' || !isDamaged)
    assert(faults.length === 0, `P7: ${JSON.stringify(faults)}`)
    this.#producers.publish(process)
    await this.#settle(process)
    for (const listener of this.#audience.connected) this.#audience.leave(listener)
    for (const socket of this.#audience.left) this.#audience.hearOfLeave(socket)
    await this.#settle(process)
    await this.#checked()
    const { channels: tails, cursors, tailBytes } = process.fanout.stats()
    assert.deepEqual({ tails, cursors, tailBytes }, { tails: 0, cursors: 0, tailBytes: 0 }, 'what nobody needs is held')
  }

  async #checked(): Promise<void> {
    await settled()
    if (this.#violation !== undefined) throw this.#violation
  }

  /** What is checked deep inside the code under test must not be caught there. */
  #check(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.#violation ??= error
    }
  }

  #note(line: string): void {
    this.#lines.push(`${this.step} ${line}`)
  }
}

/** What every schedule needs to get anywhere. */
const ALWAYS: ReadonlySet<string> = new Set([
  'start',
  'turn',
  'land',
  'answer',
  'deliver',
  'publish',
  'no-space',
  'settle',
])
