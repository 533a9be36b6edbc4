/**
 * Holds what publishers and subscribers saw against what the log says at the end. Pure: no server, clock or socket.
 *
 *     publishers   acked n → id, unknown n          ─┐
 *     log          every entry, from the beginning   ├─▶ violations, each of a kind and with an example
 *     subscribers  every event, as it was handed out ─┘
 *
 * Every event says in its own text which channel, publisher and number it was made for, with a digest (events.ts), so that
 * an entry can be judged without asking anybody what it should have been.
 */

export const violationKinds = {
  lost: 'acknowledged, and not in the log',
  doubled: 'there twice',
  reordered: "behind a later one of the same publisher's",
  crossed: 'in a channel that it was not published to',
  altered: 'not what was published: its digest does not match',
  invented: 'in the log, and never published',
  moved: 'at another id than the publisher was told',
  ids: 'ids that do not strictly increase, or whose time runs backwards',
  differs: 'a subscriber was not handed what the log holds, in its order',
  untold: 'entries are missing, and nobody was told of a gap',
  promise: 'something else that the fault must not do',
} as const

export type ViolationKind = keyof typeof violationKinds

export interface Violation {
  readonly kind: ViolationKind
  /** Channel, and who noticed. */
  readonly where: string
  readonly detail: string
  /** How many of the kind there, of which `detail` is the first. */
  readonly count: number
}

/** What an event says of itself. */
export interface Stamp {
  readonly channel: string
  readonly publisher: number
  readonly n: number
}

export interface Seen {
  readonly time: number
  readonly sequence: number
  /** Undefined when the text is not what it was made as. */
  readonly stamp: Stamp | undefined
}

/** Sequences that somebody was told are missing, both inclusive. */
export interface Gap {
  readonly from: number
  readonly to: number
}

export interface Reading {
  readonly seen: readonly Seen[]
  readonly gaps: readonly Gap[]
}

export interface Subscription extends Reading {
  readonly name: string
}

export interface Publication {
  readonly publisher: number
  /** Position that was answered, by number. */
  readonly acked: ReadonlyMap<number, string>
  /** Sent, and never answered with success: may be there, once, or not. */
  readonly unknown: ReadonlySet<number>
}

/** All that is known of one channel. */
export interface ChannelHistory {
  readonly name: string
  readonly log: Reading
  readonly publications: readonly Publication[]
  /** Each from the channel's first entry on. */
  readonly subscriptions: readonly Subscription[]
}

export interface Verdict {
  readonly acked: number
  readonly unknown: number
  readonly stored: number
  readonly delivered: number
  readonly violations: readonly Violation[]
}

export function check(channels: readonly ChannelHistory[]): Verdict {
  const found = new Findings()
  for (const channel of channels) checkChannel(channel, found)
  const sum = (of: (channel: ChannelHistory) => number) => channels.reduce((total, channel) => total + of(channel), 0)
  return {
    acked: sum(({ publications }) => publications.reduce((total, { acked }) => total + acked.size, 0)),
    unknown: sum(({ publications }) => publications.reduce((total, { unknown }) => total + unknown.size, 0)),
    stored: sum(({ log }) => log.seen.length),
    delivered: sum(({ subscriptions }) => subscriptions.reduce((total, { seen }) => total + seen.length, 0)),
    violations: found.list,
  }
}

function checkChannel(channel: ChannelHistory, found: Findings): void {
  const { name, log, publications, subscriptions } = channel
  const where = `${name} in the log`
  const published = new Map(publications.map((publication) => [publication.publisher, publication]))
  checkReading(name, where, log, found)
  checkHoles(where, log, found)
  const at = new Map<number, Map<number, Seen>>(publications.map(({ publisher }) => [publisher, new Map()]))
  for (const seen of log.seen) {
    const { stamp } = seen
    if (stamp === undefined || stamp.channel !== name) continue
    const publication = published.get(stamp.publisher)
    if (!publication?.acked.has(stamp.n) && !publication?.unknown.has(stamp.n)) {
      found.add('invented', where, () => textOf(seen))
    } else if (!at.get(stamp.publisher)?.has(stamp.n)) at.get(stamp.publisher)?.set(stamp.n, seen)
  }
  for (const { publisher, acked } of publications) {
    for (const [n, id] of acked) {
      const seen = at.get(publisher)?.get(n)
      if (seen === undefined) {
        // What the log has said is gone is not lost in silence: a fault that allows no gap counts those itself.
        if (!isTold(log.gaps, sequenceOf(id)))
          found.add('lost', where, () => `event ${n} of publisher ${publisher}, answered with ${id}`)
      } else if (idOf(seen) !== id) found.add('moved', where, () => `${textOf(seen)}, answered with ${id}`)
    }
  }
  for (const subscription of subscriptions) checkSubscription(channel, subscription, found)
}

/** What can be said of any reading by itself. */
function checkReading(channel: string, where: string, { seen: all }: Reading, found: Findings): void {
  const last = new Map<number, number>()
  const had = new Map<number, Set<number>>()
  let before: Seen | undefined
  for (const seen of all) {
    if (before !== undefined && (seen.sequence <= before.sequence || seen.time < before.time)) {
      const { time, sequence } = before
      found.add('ids', where, () => `${idOf(seen)} behind ${time}-${sequence}`)
    }
    before = seen
    const { stamp } = seen
    if (stamp === undefined) found.add('altered', where, () => idOf(seen))
    else if (stamp.channel !== channel) found.add('crossed', where, () => textOf(seen))
    else {
      const { publisher, n } = stamp
      const numbers = had.get(publisher) ?? new Set()
      had.set(publisher, numbers)
      if (numbers.has(n)) found.add('doubled', where, () => textOf(seen))
      else if (n < (last.get(publisher) ?? -1)) found.add('reordered', where, () => textOf(seen))
      numbers.add(n)
      last.set(publisher, Math.max(n, last.get(publisher) ?? -1))
    }
  }
}

/** The embedded engine gives neighbouring sequences from 1 on, and nothing is removed here: a hole is a loss. */
function checkHoles(where: string, { seen: all, gaps }: Reading, found: Findings): void {
  let expected = 1
  for (const { sequence } of all) {
    for (; expected < sequence; expected++) {
      const missing = expected
      if (!isTold(gaps, missing)) found.add('untold', where, () => `sequence ${missing}`)
    }
    expected = sequence + 1
  }
}

/** Handed out is what the log holds, less what either was told is missing. */
function checkSubscription(channel: ChannelHistory, subscription: Subscription, found: Findings): void {
  const where = `${channel.name} at ${subscription.name}`
  checkReading(channel.name, where, subscription, found)
  const { seen } = subscription
  let at = 0
  for (const entry of channel.log.seen) {
    // What the subscriber had and the log has lost since, and says so.
    while (
      at < seen.length &&
      (seen[at] as Seen).sequence < entry.sequence &&
      isTold(channel.log.gaps, (seen[at] as Seen).sequence)
    )
      at++
    const handed = seen[at]
    if (handed !== undefined && isSame(handed, entry)) at++
    else if (handed === undefined || handed.sequence > entry.sequence) {
      if (!isTold(subscription.gaps, entry.sequence)) found.add('untold', where, () => textOf(entry))
    } else {
      found.add('differs', where, () => `${textOf(handed)} where the log has ${textOf(entry)}`)
      at++
    }
  }
  for (const handed of seen.slice(at)) {
    if (!isTold(channel.log.gaps, handed.sequence))
      found.add('differs', where, () => `${textOf(handed)}, and the log does not have it`)
  }
}

function isSame(one: Seen, other: Seen): boolean {
  return (
    one.sequence === other.sequence &&
    one.time === other.time &&
    one.stamp?.channel === other.stamp?.channel &&
    one.stamp?.publisher === other.stamp?.publisher &&
    one.stamp?.n === other.stamp?.n
  )
}

function isTold(gaps: readonly Gap[], sequence: number): boolean {
  return gaps.some(({ from, to }) => from <= sequence && sequence <= to)
}

function idOf({ time, sequence }: Seen): string {
  return `${time}-${sequence}`
}

function sequenceOf(id: string): number {
  return Number(id.slice(id.indexOf('-') + 1))
}

function textOf(seen: Seen): string {
  const { stamp } = seen
  const what = stamp ? `event ${stamp.n} of publisher ${stamp.publisher} to ${stamp.channel}` : 'an altered event'
  return `${what} at ${idOf(seen)}`
}

/** Counts by kind and place, and keeps the first of each in words. */
class Findings {
  private readonly found = new Map<string, { kind: ViolationKind; where: string; detail: string; count: number }>()

  get list(): readonly Violation[] {
    return [...this.found.values()]
  }

  add(kind: ViolationKind, where: string, detail: () => string): void {
    const key = `${kind} ${where}`
    const known = this.found.get(key)
    if (known) known.count++
    else this.found.set(key, { kind, where, detail: detail(), count: 1 })
  }
}
