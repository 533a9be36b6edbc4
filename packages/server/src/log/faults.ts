import type { Channel, Fault } from './log.js'

/** Damaged ranges kept by name. More than that many and the file is lost anyway. */
export const FAULTS_MAX = 1000

/** What is known to be wrong. Tells of each fault once. */
export class Faults {
  private storage: Fault | undefined
  private readonly damage = new Map<string, Fault>()

  constructor(private readonly onFault: (fault: Fault) => void) {}

  get list(): readonly Fault[] {
    const damage = [...this.damage.values()]
    return this.storage ? [this.storage, ...damage] : damage
  }

  /** The whole store refuses appends, or with undefined, does so no more. */
  setStorage(fault: Fault | undefined): void {
    this.storage = fault
    if (fault) this.onFault(fault)
  }

  /** Takes over what another process knows of the same file, in place of what was known here, and tells nobody of it. */
  adopt(faults: readonly Fault[]): void {
    this.storage = faults.find(({ code }) => code !== 'damaged')
    this.damage.clear()
    for (const fault of faults) {
      if (fault.code === 'damaged') this.damage.set(nameOf(fault.channel, fault.to ?? fault.detail), fault)
    }
  }

  /** Entries of a channel that cannot be read. A range is known by its end, for a reader may come in at its middle. */
  lost(channel: Channel, from: number, to: number): Fault {
    const name = nameOf(channel, to)
    const known = this.damage.get(name)
    if (known?.from !== undefined && known.from <= from) return known
    return this.add(name, { code: 'damaged', channel, from, to, detail: `entries ${from} to ${to} cannot be read` })
  }

  /** A record beside the entries that is not what was stored. `what` names it without personal data. */
  damaged(what: string, channel?: Channel): Fault {
    const name = nameOf(channel, what)
    return this.damage.get(name) ?? this.add(name, { code: 'damaged', ...(channel && { channel }), detail: what })
  }

  /** Forgets ranges that retention or erasure has removed. */
  removed(channel: Channel, through: number): void {
    for (const [name, fault] of this.damage) {
      if (fault.to === undefined || fault.to > through) continue
      if (fault.channel?.workspace === channel.workspace && fault.channel.call === channel.call) {
        this.damage.delete(name)
      }
    }
  }

  private add(name: string, fault: Fault): Fault {
    if (this.damage.size >= FAULTS_MAX) return fault
    this.damage.set(name, fault)
    this.onFault(fault)
    return fault
  }
}

function nameOf(channel: Channel | undefined, what: string | number): string {
  return JSON.stringify([channel?.workspace, channel?.call, what])
}
