import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type ChannelKind, type JsonObject, SwitchboardError } from '@switchboard/contract'
import { CIPHER_KEY_BYTES, decrypt, encrypt } from '../cipher.js'
import { channelKind } from './block.js'
import type { Channel } from './channel.js'
import type { Reveal, Sealing } from './codec.js'
import type { Draft } from './draft.js'
import type { Environment } from './environment.js'
import type { Faults } from './faults.js'
import { endOf, numbered, numberOf, part, readPart } from './keys.js'
import { sealJson, unseal } from './seal.js'
import { nameOfSubject, type Subject, type SubjectKey, subjectKinds, subjectOf } from './subject.js'
import { shardOf, WRAPPING_KEYS_FILE, type WrappingKey, WrappingKeys } from './wrapping-keys.js'

/** How personal data is kept. Left out of an engine's options, it is kept in clear text. */
export interface Privacy {
  /** `CIPHER_KEY_BYTES` random bytes, kept apart from the data folder where that matters. */
  readonly sealingKey: Buffer
  /** An event without its personal data; the same object when it holds none. */
  mask(kind: ChannelKind, type: string, event: JsonObject): JsonObject
}

/**
 * How long one key of a subject is used for new entries. Then comes the next, so that retention can drop keys by their
 * age: none is needed any more when what was written for that long after its making is gone.
 */
export const KEY_MS_MAX = 24 * 60 * 60 * 1000

/** The key that records of state are sealed with. It lasts as long as the record; entries have those from 1 on. */
export const LASTING = 0

/** Keys held in memory, of about 300 bytes each. */
const HELD_MAX = 20_000
/** Erasures of other processes that may come between two looks at a key. */
const FRESH_READS_MAX = 5

interface UsedKey extends SubjectKey {
  /** For entries of before this time, unix ms. */
  readonly until: number
}

/** What a stored key says: that it is there, or that it was destroyed. Times in unix ms. */
interface Row {
  /** Of the first entry it sealed. */
  readonly made: number
  readonly erased?: number
  /** The version of the wrapping key, and the key as wrapped with it, base64. */
  readonly by?: number
  readonly wrapped?: string
}

/**
 * An erasure that is under way. Others may be planned behind it, not between its steps. One that failed is left as it is:
 * what the log has of it then, its shard's next erasure will find, or the next start.
 */
export interface Erasing {
  /** In a group of its own. */
  plan(draft: Draft, now: number): void
  /** @throws SwitchboardError when the wrapping key is still there. No subject's key is then wrapped with it any more. */
  done(): void
}

/** Whether a record of state is there that a lasting key seals. */
type HasRecord = (workspace: string, subject: Subject) => boolean

/**
 * Keys of subjects, and what becomes of them.
 *
 *     vault    u8(shard) part(workspace) u8(kind) part(id) u64(generation)
 */
export class Vault {
  private readonly held = new Map<string, Buffer>()
  /** The keys that a group has used, those included that are not stored before it is. */
  private readonly used = new WeakMap<Draft, Map<string, UsedKey>>()

  constructor(
    private readonly environment: Environment,
    private readonly faults: Faults,
    private readonly wrapping: WrappingKeys,
    readonly mask: Privacy['mask'],
  ) {}

  /**
   * @throws SwitchboardError `storage_fault` when the sealing key is not the one that the folder was made with, or the
   *   wrapping keys are gone.
   */
  static open(
    environment: Environment,
    faults: Faults,
    dir: string,
    { sealingKey, mask }: Privacy,
    options: { readonly readOnly?: boolean } = {},
  ): Vault {
    const path = join(dir, WRAPPING_KEYS_FILE)
    // New ones would be used for what comes, and those that are put back later could not open that.
    if (!existsSync(path) && [...environment.keys('vault', { ...EVERYTHING, limit: 1 })].length > 0) {
      const detail = `${path} is missing: put it back. Without it no personal data in this folder can be read`
      throw new SwitchboardError('storage_fault', detail)
    }
    const wrapping = WrappingKeys.open(path, sealingKey, options)
    const vault = new Vault(environment, faults, wrapping, mask)
    if (!options.readOnly) vault.finishErasures()
    return vault
  }

  /** The key for an entry of that time, or with LASTING for a record. One that is not there yet is planned with the rest. */
  sealing(draft: Draft, workspace: string, subject: Subject, time: number, lasting = false): SubjectKey {
    const used = this.used.get(draft) ?? new Map<string, UsedKey>()
    this.used.set(draft, used)
    const name = `${lasting ? 'record' : 'entry'}\n${workspace}\n${nameOfSubject(subject)}`
    const known = used.get(name)
    if (known !== undefined && time < known.until) return known
    const key =
      this.stored(workspace, subject, time, lasting) ?? this.planned(draft, workspace, subject, time, lasting, known)
    used.set(name, key)
    return key
  }

  private stored(workspace: string, subject: Subject, time: number, lasting: boolean): UsedKey | undefined {
    const [generation, row] = this.newest(workspace, subject, lasting)
    if (row === undefined || row.erased !== undefined) return undefined
    const until = lasting ? Number.POSITIVE_INFINITY : row.made + KEY_MS_MAX
    const key = time < until ? this.opening(workspace, subject, generation) : undefined
    return key instanceof Buffer ? { generation, key, until } : undefined
  }

  private planned(
    draft: Draft,
    workspace: string,
    subject: Subject,
    time: number,
    lasting: boolean,
    before: UsedKey | undefined,
  ): UsedKey {
    const [newest] = this.newest(workspace, subject, lasting)
    const generation = lasting ? LASTING : Math.max(newest, before?.generation ?? 0) + 1
    const key = randomBytes(CIPHER_KEY_BYTES)
    const name = keyName(workspace, subject, generation)
    const shard = shardOf(workspace, nameOfSubject(subject))
    draft.put('vault', name, wrapped(name, time, key, this.wrapping.current(shard)))
    return { generation, key, until: lasting ? Number.POSITIVE_INFINITY : time + KEY_MS_MAX }
  }

  /** A key to read with, `erased` when it was destroyed, undefined when it is lost. */
  opening(workspace: string, subject: Subject, generation: number): Buffer | 'erased' | undefined {
    const name = `${workspace}\n${nameOfSubject(subject)}\n${generation}`
    const held = this.held.get(name)
    if (held !== undefined) return held
    const key = this.unwrappedKey(shardOf(workspace, nameOfSubject(subject)), keyName(workspace, subject, generation))
    if (!(key instanceof Buffer)) return key
    if (this.held.size >= HELD_MAX) this.held.delete(this.held.keys().next().value as string)
    this.held.set(name, key)
    return key
  }

  /** Forgets what is in memory of a subject: another process, or this one, has destroyed its keys. */
  forget(workspace: string, subject: Subject): void {
    const prefix = `${workspace}\n${nameOfSubject(subject)}\n`
    for (const name of this.held.keys()) if (name.startsWith(prefix)) this.held.delete(name)
  }

  /** True when there is a key to destroy. */
  hasKeys(workspace: string, subject: Subject): boolean {
    return [...this.rows(workspace, subject)].some(([, row]) => row.erased === undefined)
  }

  /** When a subject's keys were destroyed the last time, unix ms; undefined when they never were. */
  erasedAt(workspace: string, subject: Subject): number | undefined {
    let last: number | undefined
    for (const [, { erased }] of this.rows(workspace, subject)) {
      if (erased !== undefined) last = Math.max(last ?? 0, erased)
    }
    return last
  }

  /**
   * Destroys the keys of a subject. In the log's file a deleted key may stand for long, but what it was wrapped with is
   * destroyed here: the shard's other keys are wrapped anew in the same transaction.
   *
   *     1  vault.keys has the old and the new wrapping key    crash: the log still has the old one, the new one is dropped
   *     2  the log has what is left, wrapped anew             crash: the log has the new one, the old one is dropped
   *     3  vault.keys has the new one alone
   */
  begin(workspace: string, subject: Subject): Erasing {
    const shard = shardOf(workspace, nameOfSubject(subject))
    if (this.wrapping.added(shard) !== undefined) this.settle(shard)
    const next = this.wrapping.add(shard)
    return {
      plan: (draft, now) => {
        for (const [generation, { made }] of this.rows(workspace, subject)) {
          const name = keyName(workspace, subject, generation)
          if (generation === LASTING) draft.remove('vault', name)
          // The clock may have been ahead of now when it was made: what it sealed is kept for as long as that says.
          else draft.put('vault', name, sealJson(name, { made: Math.max(made, now), erased: now }))
        }
        for (const { key: name, value } of this.environment.range('vault', rangeOf(shard))) {
          // What was just planned is not to be brought back.
          if (!draft.get('vault', name)?.equals(value)) continue
          const row = this.open(name, value)
          if (row?.wrapped === undefined) continue
          const key = this.unwrapped(shard, name, row)
          if (key) draft.put('vault', name, wrapped(name, row.made, key, next))
        }
      },
      done: () => {
        this.forget(workspace, subject)
        this.wrapping.keepNewest(shard)
      },
    }
  }

  /** Drops keys that seal nothing any more, a step at a time. Answers where the next step begins. */
  sweep(draft: Draft, from: Buffer, before: number, rowsMax: number, hasRecord: HasRecord): Buffer | undefined {
    const rows = [...this.environment.range('vault', { ...EVERYTHING, start: from, limit: rowsMax })]
    for (const { key: name, value } of rows) {
      const row = this.open(name, value)
      const place = placeOf(name)
      if (row === undefined || place === undefined || row.made + KEY_MS_MAX >= before) continue
      if (
        place.generation === LASTING &&
        (place.subject.kind === 'workspace' || hasRecord(place.workspace, place.subject))
      )
        continue
      draft.remove('vault', name)
    }
    const last = rows[rowsMax - 1]
    return last && Buffer.concat([last.key, Buffer.from([0])])
  }

  /** How a workspace's blocks are read. */
  reveal(workspace: string): Reveal {
    return {
      open: (subject, generation) => this.opening(workspace, subject, generation),
      lost: ({ kind, id }) =>
        void this.faults.damaged(`the key of a ${kind}: its personal data cannot be read`, {
          workspace,
          ...(kind === 'call' && { call: id }),
        }),
    }
  }

  /** How a channel's entries are written, with what is planned now. */
  sealingOf(channel: Channel, draft: Draft): Sealing {
    const { workspace } = channel
    const kind = channelKind(channel)
    return {
      mask: (type, event) => this.mask(kind, type, event),
      keyOf: (event, time) => {
        const subject = subjectOf(channel, event)
        return { subject, key: this.sealing(draft, workspace, subject, time) }
      },
    }
  }

  /** A crash may have come between two steps of an erasure. */
  private finishErasures(): void {
    for (const shard of this.wrapping.unfinished) this.settle(shard)
  }

  /** Keeps of a shard's two wrapping keys the one that its keys are wrapped with. One that neither opens says nothing. */
  private settle(shard: number): void {
    const added = this.wrapping.added(shard)
    let [isOld, isNew] = [false, false]
    for (const { key: name, value } of this.environment.range('vault', rangeOf(shard))) {
      const row = this.open(name, value)
      if (row === undefined || this.unwrapped(shard, name, row) === undefined) continue
      if (row.by === added) isNew = true
      else isOld = true
    }
    // All of them are wrapped anew in one transaction; when none was left, it was that of the last one's erasure.
    if (isOld && !isNew) this.wrapping.keepOldest(shard)
    else this.wrapping.keepNewest(shard)
  }

  /** The newest of a subject's keys for entries, or the one for records; 0 when there is none. */
  private newest(workspace: string, subject: Subject, lasting: boolean): readonly [number, Row | undefined] {
    if (lasting) return [LASTING, this.row(workspace, subject, LASTING)]
    const prefix = prefixOf(workspace, subject)
    const range = { start: numbered(prefix, Number.MAX_SAFE_INTEGER), end: numbered(prefix, LASTING), reverse: true }
    for (const { key: name, value } of this.environment.range('vault', { ...range, limit: 1 })) {
      return [numberOf(name), this.open(name, value)]
    }
    return [0, undefined]
  }

  private *rows(workspace: string, subject: Subject): Generator<[number, Row]> {
    const prefix = prefixOf(workspace, subject)
    for (const { key: name, value } of this.environment.range('vault', { start: prefix, end: endOf(prefix) })) {
      const row = this.open(name, value)
      if (row) yield [numberOf(name), row]
    }
  }

  private row(workspace: string, subject: Subject, generation: number): Row | undefined {
    const name = keyName(workspace, subject, generation)
    const value = this.environment.get('vault', name)
    return value && this.open(name, value)
  }

  private open(name: Buffer, value: Buffer): Row | undefined {
    const payload = unseal(name, value)
    if (payload) return JSON.parse(payload.toString()) as Row
    this.faults.damaged('a record of the table vault')
    return undefined
  }

  private unwrappedKey(shard: number, name: Buffer): Buffer | 'erased' | undefined {
    let value = this.environment.get('vault', name)
    for (let times = 0; times < FRESH_READS_MAX; times++) {
      const row = value && this.open(name, value)
      if (row === undefined) return undefined
      if (row.erased !== undefined) return 'erased'
      const key = this.unwrapped(shard, name, row)
      if (key !== undefined) return key
      // What this turn sees may be from before an erasure of another process, whose wrapping key is gone by now.
      this.environment.renew()
      const before = value
      value = this.environment.get('vault', name)
      if (value === undefined || before?.equals(value)) return undefined
    }
    return undefined
  }

  private unwrapped(shard: number, name: Buffer, { by, wrapped }: Row): Buffer | undefined {
    const wrapping = by === undefined ? undefined : this.wrapping.get(shard, by)
    return wrapping && wrapped !== undefined ? decrypt(wrapping, name, Buffer.from(wrapped, 'base64')) : undefined
  }
}

function wrapped(name: Buffer, made: number, key: Buffer, by: WrappingKey): Buffer {
  const row: Row = { made, by: by.version, wrapped: encrypt(by.key, name, key).toString('base64') }
  return sealJson(name, row)
}

function keyName(workspace: string, subject: Subject, generation: number): Buffer {
  return numbered(prefixOf(workspace, subject), generation)
}

function prefixOf(workspace: string, subject: Subject): Buffer {
  const shard = Buffer.from([shardOf(workspace, nameOfSubject(subject))])
  const kind = Buffer.from([subjectKinds.indexOf(subject.kind)])
  return Buffer.concat([shard, part(workspace), kind, part(subject.id)])
}

const EVERYTHING = { start: Buffer.from([0]), end: Buffer.alloc(8, 255) }

function rangeOf(shard: number) {
  const start = Buffer.from([shard])
  return { start, end: shard === 255 ? Buffer.alloc(8, 255) : endOf(start) }
}

/** Whose key a row holds; undefined when damage has made its name unreadable. */
function placeOf(name: Buffer): { workspace: string; subject: Subject; generation: number } | undefined {
  const workspace = readPart(name, 1)
  const kind = workspace && subjectKinds[name[workspace.end] as number]
  const id = workspace && readPart(name, workspace.end + 1)
  if (kind === undefined || id === undefined) return undefined
  return { workspace: workspace?.text as string, subject: { kind, id: id.text }, generation: numberOf(name) }
}
