import { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import type { Block } from '../log/block.js'
import type { Environment } from '../log/environment.js'
import type { Faults } from '../log/faults.js'
import { Followers } from '../log/followers.js'
import { Kept } from '../log/kept.js'
import type {
  Appended,
  Channel,
  Erasure,
  Fault,
  Health,
  Idempotency,
  Log,
  NewEvent,
  Projection,
  StoredName,
} from '../log/log.js'
import { ReadingLog } from '../log/reading-log.js'
import type { Subject } from '../log/subject.js'
import type { Vault } from '../log/vault.js'
import type { Line } from './line.js'
import { eventsJson, type ParentSide, type WorkerSide } from './protocol.js'

/**
 * The log as a worker has it: it reads the file itself and asks its parent to write.
 *
 * P1, P2, P5 and P6 are the parent's. P3: each read begins with a fresh snapshot, and what the parent has answered it has
 * committed before. P4: the parent tells of a block before it answers whoever appended it, on one line in order.
 */
export class WorkerLog extends ReadingLog implements Log {
  protected readonly kept: Kept
  protected readonly followers: Followers
  private readonly appends = new Set<Promise<unknown>>()
  private closed: Promise<void> | undefined

  constructor(
    private readonly environment: Environment,
    private readonly faults: Faults,
    private readonly line: Line<WorkerSide, ParentSide>,
    clock: Clock,
    /** What the parent said last of the disk. */
    private isWritable: boolean,
    onListenerError: (error: unknown) => void,
    private readonly vault: Vault | undefined,
    projections: readonly Projection[],
  ) {
    super()
    this.followers = new Followers(onListenerError)
    this.kept = new Kept(environment, faults, projections, clock, vault, () => {
      this.assertOpen()
      environment.renew()
    })
  }

  async append(channel: Channel, events: readonly NewEvent[], request?: Idempotency): Promise<Appended> {
    this.assertOpen()
    const appended = this.line.ask('append', channel, eventsJson(events), request)
    this.appends.add(appended)
    try {
      return await appended
    } finally {
      this.appends.delete(appended)
    }
  }

  async catchUp(): Promise<void> {
    this.assertOpen()
    await this.line.ask('catchUp')
  }

  async erase(channel: Channel): Promise<void> {
    this.assertOpen()
    await this.line.ask('erase', channel)
  }

  async eraseData(workspace: string, subject: Subject, unless?: StoredName): Promise<Erasure> {
    this.assertOpen()
    return this.line.ask('eraseData', workspace, subject, unless)
  }

  /** The parent has destroyed a subject's keys. */
  toldErased(workspace: string, subject: Subject): void {
    this.vault?.forget(workspace, subject)
    this.followers.tellErased(workspace, subject)
  }

  async retain(before: number): Promise<number> {
    this.assertOpen()
    return this.line.ask('retain', before)
  }

  health(): Health {
    return { writable: this.isWritable && this.closed === undefined, faults: this.faults.list }
  }

  async verify(): Promise<readonly Fault[]> {
    this.assertOpen()
    return this.line.ask('verify')
  }

  close(): Promise<void> {
    this.closed ??= this.shut()
    return this.closed
  }

  /** The parent has made these blocks durable. */
  told(blocks: readonly (readonly [Channel, Block])[]): void {
    this.followers.tell(blocks)
  }

  /** How the parent finds its disk. */
  toldHealth({ writable, faults }: Health): void {
    this.isWritable = writable
    this.faults.adopt(faults)
  }

  private async shut(): Promise<void> {
    await Promise.allSettled(this.appends)
    await this.environment.close()
  }

  private assertOpen(): void {
    if (this.closed) throw new SwitchboardError('unavailable', 'the log is closed')
  }
}
