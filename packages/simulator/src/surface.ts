import { uuid } from './ids.js'
import type { Random } from './random.js'
import { Script } from './script.js'
import type { TimelineItem } from './timeline.js'
import type { World } from './world.js'

const FIELDS = ['pharmacy', 'allergies', 'insurance', 'preferred_time', 'contact_channel', 'consent'] as const
const CHANNELS = { sms: 6, whatsapp: 2, email: 2, web: 1 } as const
const REJECTIONS = [
  'asks for something we already hold',
  'one question is unclear',
  'an answer contradicts the record',
] as const

/** A surface from its creation to its end; a rejected or forgotten one may live on in a new shape. */
export function surfaceStory(world: World, at: number, label: string): readonly TimelineItem[] {
  const random = world.random.fork(label)
  const script = new Script(at)
  const entityId = uuid(random)
  const channel = random.weighted(CHANNELS)

  let fields: string[] = [...FIELDS].slice(0, random.whole(2, FIELDS.length))
  let previous: string | undefined
  // At most one new shape: a third attempt at the same form would be a nuisance to its recipient.
  for (let attempt = 0; attempt < 2 && fields.length > 0; attempt++) {
    const surface = new Surface(script, random, uuid(random), entityId)
    surface.tell('created', { channel, fields_count: fields.length })
    if (previous !== undefined) {
      script.ws({ event_type: 'surface.reshaped', surface_id: surface.id, original_surface_id: previous })
    }
    const unfilled = surface.live(world, channel, fields)
    if (unfilled === undefined) break
    previous = surface.id
    fields = unfilled
    script.wait(random.between(10, 40))
  }
  return script.items
}

class Surface {
  constructor(
    private readonly script: Script,
    private readonly random: Random,
    readonly id: string,
    private readonly entityId: string,
  ) {}

  tell(what: string, more: Readonly<Record<string, unknown>> = {}): void {
    this.script.ws({ event_type: `surface.${what}`, surface_id: this.id, entity_id: this.entityId, ...more })
  }

  /** The types that name the surface alone. */
  private note(what: string, more: Readonly<Record<string, unknown>> = {}): void {
    this.script.ws({ event_type: `surface.${what}`, surface_id: this.id, ...more })
  }

  /** @returns The fields that another shape should ask for, or undefined when this is the end of it. */
  live(world: World, channel: string, fields: readonly string[]): string[] | undefined {
    const { script, random } = this
    script.wait(random.between(0.5, 2))
    if (random.chance(0.4) && !this.review()) return random.chance(0.6) ? [...fields] : undefined
    if (random.chance(0.15)) {
      this.note('updated')
      script.wait(random.between(1, 5))
    }
    if (random.chance(0.06)) {
      this.tell('delivered', { channel, delivery_status: 'failed' })
      script.wait(random.between(5, 15))
      this.note('archived')
      return undefined
    }
    this.tell('delivered', { channel, delivery_status: 'delivered' })
    script.wait(random.between(8, 90))
    if (random.chance(0.18)) return this.forget(fields)
    this.tell('opened')
    const answered = random.chance(0.85) ? fields.length : random.whole(0, fields.length - 1)
    for (const field of fields.slice(0, answered)) {
      script.wait(random.between(3, 14))
      this.tell('field_saved', { field_id: field })
    }
    if (answered < fields.length) {
      script.wait(random.between(30, 90))
      return this.forget(fields.slice(answered))
    }
    script.wait(random.between(2, 8))
    this.tell('submitted', { submitted_at: world.isoAt(script.now) })
    if (random.chance(0.35)) {
      script.wait(0.6)
      this.review()
    }
    return undefined
  }

  /** Nobody goes on with it: it is put away, or asks again for what is missing. */
  private forget(missing: readonly string[]): string[] | undefined {
    if (this.random.chance(0.5)) return [...missing]
    this.note('archived')
    return undefined
  }

  /** @returns Whether the reviewer said yes. */
  private review(): boolean {
    this.tell('pending_review')
    this.script.wait(this.random.between(12, 75))
    const approved = this.random.chance(0.75)
    if (approved) this.note('review_approved')
    else this.note('review_rejected', { reason: this.random.pick(REJECTIONS) })
    this.script.wait(this.random.between(1, 4))
    return approved
  }
}
