import type { JsonObject } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import type { Store, StoredName } from '../log/log.js'
import type { Subject } from '../log/subject.js'
import { nameOfSubject } from '../log/subject.js'

/** Why the personal data of a call or a surface may not be erased. */
export interface Hold {
  readonly reason: string
  /** Unix ms. */
  readonly placedAt: number
  /** The key that placed it. */
  readonly placedBy: string
}

/** Legal holds of workspaces. They are looked up in the store, which an erasure asks in its own turn. */
export interface Holds {
  place(workspace: string, subject: Subject, reason: string, keyId: string): Promise<Hold>
  get(workspace: string, subject: Subject): Promise<Hold | undefined>
  /** False when there was none. */
  lift(workspace: string, subject: Subject): Promise<boolean>
  /** What an erasure must not find. */
  nameOf(workspace: string, subject: Subject): StoredName
}

const KIND = 'hold'

export function createHolds(store: Store, clock: Clock): Holds {
  const keyOf = (workspace: string, subject: Subject) => `${workspace}/${nameOfSubject(subject)}`
  return {
    async place(workspace, subject, reason, keyId) {
      const hold: Hold = { reason, placedAt: clock.now(), placedBy: keyId }
      await store.put(KIND, keyOf(workspace, subject), {
        reason,
        placed_at: hold.placedAt,
        placed_by: hold.placedBy,
      })
      return hold
    },
    async get(workspace, subject) {
      await store.refresh()
      const key = keyOf(workspace, subject)
      const found = (await store.all(KIND)).find((record) => record.key === key)
      return found && holdOf(found.value)
    },
    lift: (workspace, subject) => store.delete(KIND, keyOf(workspace, subject)),
    nameOf: (workspace, subject) => ({ kind: KIND, key: keyOf(workspace, subject) }),
  }
}

/** A record that was put by another version still holds. */
function holdOf({ reason, placed_at: placedAt, placed_by: placedBy }: JsonObject): Hold {
  return {
    reason: typeof reason === 'string' ? reason : '',
    placedAt: typeof placedAt === 'number' ? placedAt : 0,
    placedBy: typeof placedBy === 'string' ? placedBy : '',
  }
}
