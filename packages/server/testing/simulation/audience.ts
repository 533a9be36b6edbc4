import assert from 'node:assert/strict'
import { limits } from '@switchboard/contract'
import type { StartPoint } from '../../src/fanout/resume.js'
import type { Channel } from '../../src/log/log.js'
import { entities, type Wanted } from './events.js'
import { Listener } from './listener.js'
import type { SimulatedProcess } from './process.js'
import { SimulatedSocket, type SocketRoom } from './socket.js'
import type { Stage } from './stage.js'
import type { TrueChannel } from './truth.js'

const LISTENERS_MAX = 8
/** One frame of the largest event here, and the few small ones beside a write. */
const FRAME_BYTES_MAX = 8 * 1024
const CONTROL_BYTES_MAX = 2 * 1024

const BEGINNING: StartPoint = { kind: 'after', position: { time: 0, sequence: 0 } }

/** Everybody who subscribes, and the network between them and the process. */
export class Audience {
  readonly #stage: Stage
  readonly #channels: readonly Channel[]
  readonly #listeners: Listener[] = []
  /** Connections whose peers have left, which the process has not heard of. */
  #left: SimulatedSocket[] = []

  constructor(stage: Stage, channels: readonly Channel[]) {
    this.#stage = stage
    this.#channels = channels
  }

  get hasRoom(): boolean {
    return this.#listeners.length < LISTENERS_MAX
  }

  get away(): readonly Listener[] {
    return this.#listeners.filter(({ socket }) => socket === undefined)
  }

  get connected(): readonly Listener[] {
    return this.#listeners.filter(({ socket }) => socket !== undefined)
  }

  get stalled(): readonly Listener[] {
    return this.connected.filter(({ isStalled }) => isStalled)
  }

  /** Those for whom the network has something. */
  get ready(): readonly Listener[] {
    return this.connected.filter(({ isStalled, socket }) => !isStalled && socket?.hasMail)
  }

  get left(): readonly SimulatedSocket[] {
    return this.#left
  }

  /** Somebody new subscribes, to something and from somewhere. */
  listen(process: SimulatedProcess): void {
    const { chance, truth } = this.#stage
    const channel = truth.of(chance.pick(this.#channels))
    this.#add(process, channel, this.#wanted(channel), this.#point(channel))
  }

  /** Somebody subscribes to all of each channel. */
  listenToAll(process: SimulatedProcess): void {
    for (const channel of this.#stage.truth.channels) this.#add(process, channel, { masked: false }, BEGINNING)
  }

  connect(process: SimulatedProcess, listener: Listener): void {
    const { chance, check, note } = this.#stage
    const room: SocketRoom = {
      networkBytes: chance.pick([64, 1024, 16 * 1024]),
      highWaterBytes: chance.pick([64, 1024]),
      waitingBytesMax: limits.writeBytesMax + FRAME_BYTES_MAX + CONTROL_BYTES_MAX,
      onCrowded: (bytes) => check(() => assert.fail(`${bytes} bytes wait for L${listener.id}`)),
    }
    listener.goOn()
    listener.socket = new SimulatedSocket(room, {
      received: (bytes) => check(() => listener.received(bytes)),
      ended: () => listener.ended(),
    })
    note(`L${listener.id} connects`)
    process.connect(listener, listener.socket)
  }

  /** Goes without a word. The process hears of it later. */
  leave(listener: Listener): void {
    const { socket } = listener
    if (socket === undefined) return
    socket.leave()
    listener.ended()
    this.#left.push(socket)
  }

  /** The process hears that a peer has gone. */
  hearOfLeave(socket: SimulatedSocket): void {
    this.#left = this.#left.filter((each) => each !== socket)
    socket.cut()
  }

  /** The process has died. What the network has of it still arrives. */
  cutOff(): void {
    for (const { socket } of this.#listeners) socket?.cut()
    this.#left = []
  }

  /** Everybody whom nothing holds up knows all that it asked for. */
  assertComplete(): void {
    for (const listener of this.connected) {
      const missing = listener.isStalled ? undefined : listener.missing()
      assert(missing === undefined, `L${listener.id} is never told of ${missing?.name}`)
    }
  }

  #add(process: SimulatedProcess, channel: TrueChannel, wanted: Wanted, point: StartPoint): void {
    const { note } = this.#stage
    const listener = new Listener(this.#listeners.length + 1, channel, wanted, point, note)
    note(`L${listener.id} ${JSON.stringify([channel.channel, wanted, point])}`)
    this.#listeners.push(listener)
    this.connect(process, listener)
  }

  #wanted({ channel }: TrueChannel): Wanted {
    const { chance } = this.#stage
    const isCall = channel.call !== undefined
    const types = isCall ? ['user_transcript'] : chance.pick([['call.*'], ['surface.created']])
    return {
      masked: chance.is(0.4),
      ...(chance.is(0.55) && { types }),
      ...(!isCall && chance.is(0.2) && { entities: [chance.pick(entities)] }),
    }
  }

  #point({ given, channel }: TrueChannel): StartPoint {
    const { chance } = this.#stage
    const kind = chance.below(11)
    if (kind < 4 || given.length === 0) return { kind: 'live' }
    const { position } = chance.pick(given)
    if (kind < 7) return { kind: 'after', position }
    if (kind < 9) return { kind: 'from', time: position.time + chance.between(-1, 1) }
    if (kind === 9 && channel.call !== undefined) return { kind: 'all' }
    // One that was never given.
    return { kind: 'after', position: { ...position, time: position.time - 1 } }
  }
}
