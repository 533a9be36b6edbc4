import { randomBytes } from 'node:crypto'
import { type JsonObject, SwitchboardError } from '@switchboard/contract'
import { CIPHER_KEY_BYTES, decrypt, encrypt } from '../../cipher.js'
import type { Clock } from '../../clock.js'
import type { StoredName } from '../log.js'
import type { Opener } from '../sealed-parts.js'
import { nameOfSubject, type Subject, type SubjectKey, subjectKinds } from '../subject.js'
import { KEY_MS_MAX, type Privacy } from '../vault.js'
import type { KvStore } from './store.js'

/** How personal data is kept by a deployment over JetStream. */
export interface ClusterPrivacy extends Privacy {
  /** The key that a copy's own keys are sealed with, by its folder. */
  copyKey(dir: string): Promise<Buffer>
}

/** Records of the store: a key of a subject each, and what was erased. */
const KEY = 'subject-key'
const ERASURE = 'subject-erasure'
/** Keys held unwrapped in memory. */
const HELD_MAX = 20_000
/** Keys that one run of retention drops. */
const SWEEP_STEP = 200

/** An erasure as stored. Keys of generations up to `through` are void from the moment it is there. */
export interface KeysErasure {
  readonly through: number
  /** Unix ms. */
  readonly at: number
  /** False once every step of it was done. */
  readonly isPending: boolean
}

interface KnownKeys {
  readonly workspace: string
  readonly subject: Subject
  /** When each was made, unix ms, by its generation. */
  readonly made: Map<number, number>
}

/**
 * The keys that a deployment seals personal data with in its streams and checkpoints: records of its store, wrapped with
 * its sealing key, and known here without asking.
 *
 *     sealing key ──wraps──▶ records "subject-key" ──seal──▶ pieces of messages, records of checkpoints
 *
 * A key's generation is the second it was made in, or the next that is free: nobody has to be asked for it, and none comes
 * back after it was dropped. What is not there any more was destroyed.
 */
export class SubjectKeys {
  private readonly known = new Map<string, KnownKeys>()
  private readonly held = new Map<string, Buffer>()
  /** Keys that were looked for and are destroyed. */
  private readonly gone = new Set<string>()
  private readonly making = new Map<string, Promise<SubjectKey>>()
  /** Generations that the streams say are void, which the store may not have told us of yet. */
  private readonly voids = new Map<string, number>()
  private readonly unwatch: () => void

  private constructor(
    private readonly store: KvStore,
    private readonly clock: Clock,
    private readonly privacy: Privacy,
  ) {
    this.unwatch = store.watch(({ kind, key, value }) => {
      if (kind === KEY) this.note(key, value)
      else if (kind === ERASURE) this.forget(key)
    })
  }

  /** @throws SwitchboardError `storage_fault` when the sealing key is not the deployment's. */
  static async open(store: KvStore, clock: Clock, privacy: Privacy): Promise<SubjectKeys> {
    const keys = new SubjectKeys(store, clock, privacy)
    for (const { key, value } of await store.all(KEY)) keys.note(key, value)
    const [any] = keys.known.values()
    if (any === undefined) return keys
    try {
      // With the wrong sealing key nothing can be read: it is better said at the start.
      keys.lasting(any.workspace, any.subject)
      return keys
    } catch (error) {
      keys.close()
      throw error
    }
  }

  get mask(): Privacy['mask'] {
    return this.privacy.mask
  }

  /** The key to seal with now, where it is known. */
  current(workspace: string, subject: Subject): SubjectKey | undefined {
    const name = nameOf(workspace, subject)
    const [generation, made] = this.newest(name)
    if (made === undefined || this.clock.now() >= made + KEY_MS_MAX) return undefined
    const key = this.opening(workspace, subject, generation)
    return key && { generation, key }
  }

  /** The newest key, however old: for what lasts. */
  lasting(workspace: string, subject: Subject): SubjectKey | undefined {
    const [generation] = this.newest(nameOf(workspace, subject))
    const key = this.opening(workspace, subject, generation)
    return key && { generation, key }
  }

  /**
   * Makes a key, and resolves when the store has it.
   * @throws SwitchboardError `unavailable`, `storage_full`.
   */
  make(workspace: string, subject: Subject): Promise<SubjectKey> {
    const name = nameOf(workspace, subject)
    const under = this.making.get(name)
    if (under) return under
    const making = this.add(name, workspace, subject).finally(() => this.making.delete(name))
    this.making.set(name, making)
    return making
  }

  /** A key to read with; undefined when it is not there, or void. */
  opening(workspace: string, subject: Subject, generation: number): Buffer | undefined {
    const name = nameOf(workspace, subject)
    if (generation <= this.voidThrough(name)) return undefined
    const place = placeOf(name, generation)
    const held = this.held.get(place)
    if (held) return held
    const wrapped = this.store.get(KEY, place)?.key
    if (typeof wrapped !== 'string') return undefined
    const key = decrypt(this.privacy.sealingKey, Buffer.from(place), Buffer.from(wrapped, 'base64'))
    if (key === undefined) {
      const detail = 'SWITCHBOARD_SEALING_KEY is not the key that this deployment seals personal data with'
      throw new SwitchboardError('storage_fault', detail)
    }
    if (this.held.size >= HELD_MAX) this.held.delete(this.held.keys().next().value as string)
    this.held.set(place, key)
    return key
  }

  /** Who opens what is in messages of a workspace: what is not there was destroyed, once the store has been refreshed. */
  opener(workspace: string): Opener {
    return (subject, generation) => {
      const key = this.opening(workspace, subject, generation)
      if (key) return key
      if (this.gone.size >= HELD_MAX) this.gone.clear()
      this.gone.add(placeOf(nameOf(workspace, subject), generation))
      return 'erased'
    }
  }

  /** False for a key that may be there and not be known yet. */
  isSettled(workspace: string, subject: Subject, generation: number): boolean {
    const name = nameOf(workspace, subject)
    if (generation <= this.voidThrough(name) || this.gone.has(placeOf(name, generation))) return true
    return this.opening(workspace, subject, generation) !== undefined
  }

  /** Resolves when all keys are known that were put before the call. */
  refresh(): Promise<void> {
    return this.store.refresh()
  }

  /** The stream says that keys up to a generation are void. */
  void(workspace: string, subject: Subject, through: number): void {
    const name = nameOf(workspace, subject)
    this.voids.set(name, Math.max(through, this.voids.get(name) ?? 0))
    this.forget(name)
  }

  /** What is known of an erasure, of this moment. */
  erasureOf(workspace: string, subject: Subject): KeysErasure | undefined {
    return this.erasure(nameOf(workspace, subject))
  }

  /**
   * Destroys the keys of a subject, if there is one, or an erasure that was not finished, or copies hold what was stored
   * before it was sealed. It is finished with `finish`.
   *
   *     1  the erasure is a record, and the keys are void    crash: asked again, it goes on
   *     2  the keys' records are overwritten, and gone
   *
   * @throws SwitchboardError `legal_hold`; `unavailable`, then it may be begun, and is to be asked for again.
   */
  async destroy(
    workspace: string,
    subject: Subject,
    unless: StoredName | undefined,
    areCopiesHolding: boolean,
  ): Promise<KeysErasure | undefined> {
    await this.store.refresh()
    if (unless && this.store.get(unless.kind, unless.key) !== undefined) {
      throw new SwitchboardError('legal_hold', `Nothing was erased: this ${subject.kind} is under a legal hold.`)
    }
    const name = nameOf(workspace, subject)
    const before = this.erasure(name)
    if (!this.known.has(name) && !before?.isPending && !areCopiesHolding) return undefined
    const through = Math.max(this.newest(name)[0], before?.through ?? 0)
    const erasure = { through, at: this.clock.now(), isPending: true }
    // What was put before it is known once it has come back: nothing is void and left.
    await this.put(name, erasure)
    const generations = [...(this.known.get(name)?.made.keys() ?? [])].filter((each) => each <= through)
    for (const generation of generations) await this.store.destroy(KEY, placeOf(name, generation))
    return erasure
  }

  finish(workspace: string, subject: Subject, erasure: KeysErasure): Promise<void> {
    return this.put(nameOf(workspace, subject), { ...erasure, isPending: false })
  }

  /** Drops keys that seal nothing any more, some at a time. */
  async sweep(before: number, hasRecord: (workspace: string, subject: Subject) => boolean): Promise<void> {
    let count = 0
    for (const [name, { workspace, subject, made }] of this.known) {
      const [newest] = this.newest(name)
      for (const [generation, time] of made) {
        if (time + KEY_MS_MAX >= before) continue
        // Checkpoints seal records with the newest.
        if (generation === newest && (subject.kind === 'workspace' || hasRecord(workspace, subject))) continue
        await this.store.delete(KEY, placeOf(name, generation))
        if (++count === SWEEP_STEP) return
      }
    }
  }

  close(): void {
    this.unwatch()
  }

  private async add(name: string, workspace: string, subject: Subject): Promise<SubjectKey> {
    for (;;) {
      const now = this.clock.now()
      const generation = Math.max(Math.floor(now / 1000), this.newest(name)[0] + 1, this.voidThrough(name) + 1)
      const key = randomBytes(CIPHER_KEY_BYTES)
      const place = placeOf(name, generation)
      const wrapped = encrypt(this.privacy.sealingKey, Buffer.from(place), key).toString('base64')
      const record = { workspace, kind: subject.kind, id: subject.id, generation, made: now, key: wrapped }
      await this.store.put(KEY, place, record, { ifAbsent: true })
      // Another gateway may have been first, and an erasure in between.
      const stored = this.opening(workspace, subject, generation)
      if (stored) return { generation, key: stored }
    }
  }

  private async put(name: string, { through, at, isPending }: KeysErasure): Promise<void> {
    await this.store.put(ERASURE, name, { through, at, pending: isPending })
  }

  private erasure(name: string): KeysErasure | undefined {
    const { through, at, pending } = this.store.get(ERASURE, name) ?? {}
    if (typeof through !== 'number' || typeof at !== 'number') return undefined
    return { through, at, isPending: pending === true }
  }

  private voidThrough(name: string): number {
    return Math.max(this.erasure(name)?.through ?? 0, this.voids.get(name) ?? 0)
  }

  /** Its generation and when it was made; 0 when there is none. */
  private newest(name: string): readonly [generation: number, made: number | undefined] {
    const { made } = this.known.get(name) ?? {}
    const generation = made ? Math.max(...made.keys()) : 0
    return [generation, made?.get(generation)]
  }

  private note(place: string, value: JsonObject | undefined): void {
    if (value === undefined) {
      const end = place.lastIndexOf('/')
      const name = place.slice(0, end)
      const made = this.known.get(name)?.made
      made?.delete(Number(place.slice(end + 1)))
      if (made?.size === 0) this.known.delete(name)
      this.held.delete(place)
      return
    }
    const { workspace, kind, id, generation, made } = value
    const known = subjectKinds.find((each) => each === kind)
    if (typeof workspace !== 'string' || known === undefined || typeof id !== 'string') return
    if (typeof generation !== 'number' || typeof made !== 'number') return
    const subject: Subject = { kind: known, id }
    const name = nameOf(workspace, subject)
    const all = this.known.get(name) ?? { workspace, subject, made: new Map<number, number>() }
    all.made.set(generation, made)
    this.known.set(name, all)
  }

  private forget(name: string): void {
    const through = this.voidThrough(name)
    for (const generation of this.known.get(name)?.made.keys() ?? []) {
      if (generation <= through) this.held.delete(placeOf(name, generation))
    }
  }
}

function nameOf(workspace: string, subject: Subject): string {
  return `${workspace}/${nameOfSubject(subject)}`
}

function placeOf(name: string, generation: number): string {
  return `${name}/${generation}`
}
