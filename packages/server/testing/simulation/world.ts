import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { limits, type Position } from '@switchboard/contract'
import type { StartPoint } from '../../src/fanout/resume.js'
import type { Block } from '../../src/log/block.js'
import { COMMIT_MS_MAX } from '../../src/log/disk.js'
import type { Channel } from '../../src/log/log.js'
import { Chance } from './chance.js'
import { Consequences } from './consequences.js'
import { SimulatedDisk } from './disk.js'
import { EventLoop, SimulatedClock, settled, takeTimers } from './event-loop.js'
import { entities, makeEvent, type Wanted } from './events.js'
import { Listener } from './listener.js'
import { SimulatedProcess } from './process.js'
import { type Batch, type Made, Promises } from './publishing.js'
import { type SocketRoom, SimulatedSocket } from './socket.js'
import { type TrueChannel, Truth } from './truth.js'

const HOUR = 3_600_000
const WINDOW = 2 * HOUR
const LISTENERS_MAX = 8
/** Steps of a schedule, before everything is put right and must come to rest. */
const STEPS = { min: 20, max: 160 }
const BATCHES_REMEMBERED = 12
/** Turns, disk answers and deliveries in which everything that is not held up comes to rest. */
const SETTLE_STEPS_MAX = 5000
/** Longest that a busy fan-out may put its next turn off. */
const PAUSE_MS_MAX = limits.fanoutWindowMsMax
/** One frame of the largest event here, and the few small ones beside a write. */
const FRAME_BYTES_MAX = 8 * 1024
const CONTROL_BYTES_MAX = 2 * 1024

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

interface Publishing {
  readonly batch: Batch
  readonly number: number
}

/** One life of the core, several of its processes one after another, as a seed orders it. */
export class World {
  readonly #chance: Chance
  readonly #clock = new SimulatedClock()
  readonly #lines: string[] = []
  readonly #disk: SimulatedDisk
  readonly #truth: Truth
  readonly #promises: Promises
  readonly #consequences = new Consequences()
  readonly #listeners: Listener[] = []
  readonly #batches: Batch[] = []
  readonly #weights = new Map<string, number>()
  #loop = new EventLoop()
  #process: SimulatedProcess | undefined
  /** Newest sequence that this process's followers were told of, and that it began with. */
  readonly #followed = new Map<TrueChannel, number>()
  #open = new Set<Publishing>()
  #names = 0
  #sent = 0
  #listened = 0
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
      this.#promises.given(channel, entries, asked)
      this.#consequences.given(this.#disk, channel, entries)
    })
    this.#promises = new Promises(this.#truth, WINDOW)
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
      can('publish', process.log.health().writable ? 6 : 1, () => this.#publishNew(process))
      // Whoever gives no key would have it stored twice.
      const keyed = this.#batches.filter(({ key, events }) => key !== undefined || events.every((made) => made.key))
      if (keyed.length > 0) can('repeat', 2, () => this.#send(process, this.#chance.pick(keyed)))
      can('read', 1, () => this.#read(process))
      can('retain', 0.4, () => this.#retain(process))
      can('erase', 0.2, () => this.#erase(process))
      can('crash', 0.3, () => this.#crash())
      if (!process.isClosing) can('close', 0.1, () => this.#close(process))
      if (process.isBroken) can('crash', 2, () => this.#crash())
      if (this.#listeners.length < LISTENERS_MAX) can('listen', 1.5, () => this.#listen(process))
      const away = this.#listeners.filter(({ socket }) => socket === undefined)
      if (away.length > 0) can('resume', 4, () => this.#connect(process, this.#chance.pick(away)))
      if (!disk.isBusy) can('settle', 0.6, () => this.#settle(process))
    }
    if (!disk.isFull) can('disk-full', 0.2, () => this.#setFull(true))
    else can('disk-freed', 1, () => this.#setFull(false))
    if (!disk.hangs) {
      can('disk-hangs', 0.1, () => void (disk.hangs = true))
      can('disk-chokes', 0.1, () => {
        this.#setFull(true)
        disk.hangs = true
      })
    } else can('disk-wakes', 0.5, () => void (disk.hangs = false))
    this.#networkSteps(can)
    can('moment', 1.5, () => this.#pass(this.#chance.between(1, 60)))
    can('second', 0.5, () => this.#pass(this.#chance.between(100, 2500)))
    // A disk that works answers sooner than that.
    if (!disk.isBusy || disk.hangs) can('minute', disk.hangs ? 2 : 0.8, () => this.#pass(this.#chance.between(15_000, 70_000)))
    can('clock-back', 0.2, () => this.#jump(-this.#chance.between(1, HOUR)))
    can('clock-ahead', 0.2, () => this.#jump(this.#chance.between(1, HOUR)))
    can('clock-far-ahead', 0.05, () => this.#jump(2 * WINDOW))
    return steps.filter(({ weight }) => weight > 0)
  }

  #diskSteps(can: (name: string, weight: number, run: () => void) => void): void {
    const disk = this.#disk
    if (disk.hasLanded) {
      can('answer', 8, () => disk.answer())
      return
    }
    if (disk.isFull) {
      can('no-space', 6, () => disk.refuse(Object.assign(new Error('no space left'), { code: 28 }), false))
      // LMDB takes this for a failure, as disks do that take a part of a write.
      can('no-space-eio', 1, () => disk.refuse(ioError(), false))
    }
    can('land', disk.isFull ? 1 : 8, () => disk.land())
    can('disk-fails', 0.1, () => {
      // What has failed on a full disk is taken for want of space.
      if (!disk.isFull && this.#process) this.#process.isBroken = true
      disk.refuse(ioError(), !disk.isFull)
    })
  }

  #networkSteps(can: (name: string, weight: number, run: () => void) => void): void {
    const connected = this.#listeners.filter(({ socket }) => socket !== undefined)
    const ready = connected.filter(({ isStalled, socket }) => !isStalled && socket?.hasMail)
    if (ready.length > 0) {
      can('deliver', 8, () => {
        const bytes = this.#chance.is(0.3) ? this.#chance.between(1, 300) : Number.MAX_SAFE_INTEGER
        this.#chance.pick(ready).socket?.deliver(bytes)
      })
    }
    if (connected.length > 0) {
      can('stall', 0.5, () => void (this.#chance.pick(connected).isStalled = true))
      can('leave', 0.7, () => this.#leave(this.#chance.pick(connected)))
    }
    const stalled = connected.filter(({ isStalled }) => isStalled)
    if (stalled.length > 0) can('go-on', 0.8, () => void (this.#chance.pick(stalled).isStalled = false))
    const left = this.#leaving.filter(({ hasUnheardLeave }) => hasUnheardLeave)
    if (left.length > 0) can('hear-of-leave', 2, () => this.#chance.pick(left).hearOfLeave())
  }

  /** A third of what can happen never does in a schedule, and a third happens often: each schedule has a bent of its own. */
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
    for (const channel of this.#truth.channels) this.#followed.set(channel, channel.newestSequence)
    this.#process = new SimulatedProcess(this.#disk.open(), {
      clock: this.#clock,
      idempotencyWindowMs: WINDOW,
      onBlock: (channel, block) => this.#check(() => this.#follow(this.#truth.of(channel), block)),
      onListenerError: (error) => this.#check(() => assert.fail(`a follower threw ${error}`)),
    })
    this.#process.wasFull = this.#disk.isFull
  }

  #follow(channel: TrueChannel, block: Block): void {
    for (const { position, frame } of block.entries()) {
      const entry = channel.at(position.sequence)
      assert(entry, `P4: ${position.sequence} was followed, and is not durable`)
      assert(entry.frame.equals(frame), `P4: ${position.sequence} was followed in other words`)
      const [next] = channel.between(this.#followed.get(channel) ?? 0, Number.MAX_SAFE_INTEGER)
      assert(next === entry, `P4: ${position.sequence} was followed in place of ${next?.position.sequence}`)
      this.#followed.set(channel, position.sequence)
    }
  }

  #publishNew(process: SimulatedProcess): void {
    const chance = this.#chance
    const channel = chance.pick(channels)
    const known = this.#batches.filter((batch) => batch.channel === channel)
    const id = ++this.#sent
    const refusal = chance.is(0.05) ? 'invalid_event' : undefined
    let key = chance.is(0.4) ? `k${id}` : undefined
    const used = chance.is(0.1) ? chance.pick([...known, undefined]) : undefined
    if (used?.key !== undefined) {
      // The key of another body: a mistake of the producer's.
      key = used.key
      this.#promises.contest(channel, 'r', key)
    }
    const batch: Batch = { id, channel, events: [], ...(key && { key }), ...(refusal && { refusal }) }
    const count = chance.is(0.6) ? 1 : chance.between(2, chance.is(0.1) ? 25 : 6)
    const keyed = known.flatMap(({ events, refusal }) => (refusal ? [] : events.filter((made) => made.key)))
    batch.events = Array.from({ length: count }, (_, index) => {
      // An event that was sent before, in another body.
      if (refusal === undefined && keyed.length > 0 && chance.is(0.05)) return chance.pick(keyed)
      return this.#make(batch, refusal !== undefined && index === count - 1)
    })
    if (new Set(batch.events).size < batch.events.length) batch.events = [...new Set(batch.events)]
    if (this.#batches.push(batch) > BATCHES_REMEMBERED) this.#batches.shift()
    this.#send(process, batch)
  }

  #make(batch: Batch, isInvalid: boolean): Made {
    const { channel } = batch
    const name = `n${++this.#names}`
    const body = makeEvent(this.#chance, channel, name)
    // Not of tools: a repeat among new ones counts as a start or an end of its own when ids are given out.
    const mayHaveKey = batch.refusal === undefined && body.tool_name === undefined
    const key = mayHaveKey && this.#chance.is(0.15) ? `k${name}` : undefined
    const made: Made = {
      name,
      channel,
      body: { ...body, ...(key && { idempotency_key: key }), ...(isInvalid && { nonsense: 1 }) },
      ...(key && { key }),
      batch,
    }
    this.#promises.made(made)
    return made
  }

  #send(process: SimulatedProcess, batch: Batch): void {
    const number = ++this.#sent
    const publishing: Publishing = { batch, number }
    this.#open.add(publishing)
    this.#note(`P${number} → request ${batch.id}: ${batch.events.map(({ name }) => name)}`)
    const { channel, key, events } = batch
    const target = { channel, keyId: 'key', extraFields: 'refuse', idempotencyKey: key } as const
    const bodies = events.map(({ body }) => body)
    const body = Buffer.from(JSON.stringify(bodies.length === 1 ? bodies[0] : { events: bodies }))
    process.ingest.publishBody(target, body).then(
      (published) => {
        this.#open.delete(publishing)
        this.#note(`P${number} ← ${published.ids}${published.replayed ? ' replayed' : ''}`)
        this.#check(() => {
          this.#promises.answered(batch, published)
          this.#checkFollowed(process, batch)
        })
      },
      (error) => {
        this.#open.delete(publishing)
        this.#note(`P${number} ← ${error.code ?? error}`)
        this.#check(() => this.#promises.refused(batch, error, process))
      },
    )
  }

  /** Followers were told of all that is durable when an append resolves, what failed in a doubtful way apart (P4). */
  #checkFollowed({ isBroken }: SimulatedProcess, { channel }: Batch): void {
    if (isBroken) return
    const truth = this.#truth.of(channel)
    const followed = this.#followed.get(truth)
    if (this.#disk.hasLanded) return
    assert(followed === truth.newestSequence, `P4: answered, and followers were told up to ${followed} only`)
  }

  #read(process: SimulatedProcess): void {
    const { log } = process
    const truth = this.#truth.of(this.#chance.pick(channels))
    const { channel } = truth
    const after = this.#chance.below(truth.newestSequence + 2)
    const bytesMax = this.#chance.pick([1, 1000, limits.bodyBytesMax])
    const acknowledged = truth.newestSequence
    log.read(channel, after, bytesMax).then(
      ({ blocks, reachedHead }) => {
        this.#check(() => {
          const found = blocks.flatMap((block) => [...block.entries()])
          const expected = truth.between(after, Number.MAX_SAFE_INTEGER).filter(({ isKept }) => isKept)
          const shown = reachedHead ? expected : expected.slice(0, Math.max(1, found.length))
          assert.equal(found.length, shown.length, `P3: a read after ${after} gave ${found.length} of ${shown.length}`)
          for (const [index, { position, frame }] of found.entries()) {
            const entry = shown[index]
            assert.deepEqual(position, entry?.position, `P3: a read after ${after} gave ${position.sequence} out of turn`)
            assert(entry?.frame.equals(frame), `P3: a read gave ${position.sequence} in other words`)
          }
          assert(truth.newestSequence >= acknowledged)
        })
      },
      (error) => this.#check(() => assert(process.isClosing, `a read failed: ${error}`)),
    )
    const [{ position } = { position: undefined }] = truth.between(after - 1, after)
    const times = truth.given.map(({ position }) => position.time)
    const time = times.length === 0 ? this.#clock.now() : this.#chance.pick(times) + this.#chance.between(-1, 1)
    const asks = [log.bounds(channel), log.positionOf(channel, after), log.sequenceBefore(channel, time)] as const
    Promise.all(asks).then(
      ([bounds, given, before]) => {
        this.#check(() => {
          const { newest, oldestKept, removed } = truth
          assert.deepEqual(bounds.oldest, oldestKept, 'P6: bounds tell of another oldest')
          assert.deepEqual(bounds.removed, removed, 'P6: bounds tell of another removal')
          assert.equal(bounds.newest.sequence, newest?.sequence ?? 0, 'P6: bounds tell of another newest')
          const isKept = position !== undefined && truth.at(after)?.isKept
          assert.deepEqual(given, isKept ? position : undefined, `P6: the position of ${after}`)
          const last = truth.given.findLast(({ position }) => position.time < time)?.position.sequence ?? 0
          assert(before <= last, `reading after ${before} would leave out entries from ${time} on`)
          const extra = truth.between(before, last).find((entry) => entry.isKept)
          assert(extra === undefined, `reading after ${before} would give ${extra?.name}, from before ${time}`)
        })
      },
      (error) => this.#check(() => assert(process.isClosing, `a look failed: ${error}`)),
    )
  }

  #retain(process: SimulatedProcess): void {
    const times = [...this.#truth.channels].flatMap(({ given }) => given.map(({ position }) => position.time))
    const before = times.length === 0 ? this.#clock.now() : this.#chance.pick(times) + this.#chance.below(2)
    this.#note(`before ${before}`)
    const old: Position[] = []
    for (const truth of this.#truth.channels) {
      truth.mayRemoveBefore = Math.max(truth.mayRemoveBefore, before)
      old.push(...truth.given.filter(({ isKept, position }) => isKept && position.time < before).map((each) => each.position))
    }
    this.#removal(process, process.log.retain(before), () => {
      for (const truth of this.#truth.channels) {
        const left = truth.given.find((entry) => entry.isKept && old.includes(entry.position))
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
    this.#promises.erase(channel)
    this.#removal(process, process.log.erase(channel), () => {
      this.#promises.erased(channel)
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
    this.#open = new Set()
    this.#promises.crashed()
    for (const { socket } of this.#listeners) socket?.cut()
    this.#leaving = []
  }

  #listen(process: SimulatedProcess): void {
    const chance = this.#chance
    const truth = this.#truth.of(chance.pick(channels))
    const isCall = truth.channel.call !== undefined
    const types = chance.is(0.6) ? undefined : isCall ? ['user_transcript'] : chance.pick([['call.*'], ['surface.created']])
    const wanted: Wanted = {
      masked: chance.is(0.4),
      ...(types && { types }),
      ...(!isCall && chance.is(0.2) && { entities: [chance.pick(entities)] }),
    }
    const note = (line: string) => this.#note(line)
    const listener = new Listener(++this.#listened, truth, wanted, this.#point(truth), note)
    this.#note(`L${listener.id} ${JSON.stringify([truth.channel, wanted])}`)
    this.#listeners.push(listener)
    this.#connect(process, listener)
  }

  #point({ given, channel }: TrueChannel): StartPoint {
    const chance = this.#chance
    const entry = given.length === 0 ? undefined : chance.pick(given)
    const kind = chance.below(10)
    if (kind < 4 || entry === undefined) return { kind: 'live' }
    if (kind < 7) return { kind: 'after', position: entry.position }
    if (kind === 7) return { kind: 'from', time: entry.position.time + chance.between(-1, 1) }
    if (kind === 8 && channel.call !== undefined) return { kind: 'all' }
    return { kind: 'after', position: { ...entry.position, time: entry.position.time - 1 } }
  }

  #connect(process: SimulatedProcess, listener: Listener): void {
    const room: SocketRoom = {
      networkBytes: this.#chance.pick([64, 1024, 16 * 1024]),
      highWaterBytes: this.#chance.pick([64, 1024]),
      waitingBytesMax: limits.writeBytesMax + FRAME_BYTES_MAX + CONTROL_BYTES_MAX,
      onCrowded: (bytes) => this.#check(() => assert.fail(`${bytes} bytes wait for L${listener.id}`)),
    }
    listener.isStalled = false
    listener.socket = new SimulatedSocket(room, {
      received: (bytes) => this.#check(() => listener.received(bytes)),
      ended: () => listener.ended(),
    })
    this.#note(`L${listener.id} connects`)
    process.connect(listener, listener.socket)
  }

  #leaving: SimulatedSocket[] = []

  #leave(listener: Listener): void {
    const { socket } = listener
    if (socket === undefined) return
    this.#note(`L${listener.id} leaves`)
    socket.leave()
    listener.ended()
    this.#leaving.push(socket)
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
    this.#promises.latest = Math.max(this.#promises.latest, this.#clock.now())
  }

  #jump(ms: number): void {
    this.#clock.jump(ms)
    this.#promises.latest = Math.max(this.#promises.latest, this.#clock.now())
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
    const [open] = this.#open
    assert(open === undefined, `P${open?.number} is never answered`)
    assert(process.removals === 0, 'a removal never ends')
    for (const listener of this.#listeners) {
      if (listener.socket === undefined || listener.isStalled) continue
      const missing = listener.missing()
      assert(missing === undefined, `L${listener.id} is never told of ${missing?.name}`)
    }
  }

  /** One step towards rest. False when there is none. */
  async #goOn(): Promise<boolean> {
    const disk = this.#disk
    if (!this.#loop.isIdle) await this.#loop.turn()
    else if (disk.isBusy && !disk.hangs) {
      if (disk.hasLanded) disk.answer()
      else if (disk.isFull) disk.refuse(Object.assign(new Error('no space left'), { code: 28 }), false)
      else disk.land()
      await settled()
    } else {
      const ready = this.#listeners.find(({ isStalled, socket }) => !isStalled && socket?.hasMail)
      if (ready) {
        ready.socket?.deliver(Number.MAX_SAFE_INTEGER)
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
    this.#disk.hangs = false
    if (this.#process === undefined || this.#process.isBroken || this.#process.isClosing) {
      if (this.#process !== undefined) this.#crash()
      this.#start()
    }
    const process = this.#process as SimulatedProcess
    await this.#settle(process)
    // A full disk is tried again a while after it has been freed.
    for (let second = 0; second < 3; second++) await this.#pass(1000)
    await this.#settle(process)
    for (const socket of this.#leaving) socket.hearOfLeave()
    for (const listener of this.#listeners) {
      listener.isStalled = false
      await settled()
    }
    await this.#settle(process)
    for (const listener of this.#listeners) if (listener.socket === undefined) this.#connect(process, listener)
    for (const truth of this.#truth.channels) {
      const wanted: Wanted = { masked: false }
      const point: StartPoint = { kind: 'after', position: { time: 0, sequence: 0 } }
      const listener = new Listener(++this.#listened, truth, wanted, point, (line) => this.#note(line))
      this.#listeners.push(listener)
      this.#connect(process, listener)
    }
    await this.#checked()
    await this.#settle(process)
    await this.#checked()
    assert(process.log.health().faults.length === 0, `P7: ${JSON.stringify(process.log.health().faults)}`)
    this.#publishNew(process)
    await this.#settle(process)
    await this.#checked()
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
const ALWAYS: ReadonlySet<string> = new Set(['start', 'turn', 'land', 'answer', 'deliver', 'publish', 'no-space', 'settle'])

function ioError(): Error {
  return Object.assign(new Error('input/output error'), { code: 5 })
}
