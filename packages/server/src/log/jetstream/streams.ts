import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream'
import { type Finding, warn } from '@switchboard/contract/core'
import type { Clock } from '../../clock.js'
import {
  AUDIT_STREAM,
  auditSubjects,
  CHECKPOINT_STREAM,
  checkpointSubjects,
  eventStream,
  eventSubjects,
} from './names.js'
import { pause } from './patience.js'

export interface StreamsOptions {
  readonly partitions: number
  /** Copies of every event. Default: 1, or 3 on a cluster. */
  readonly replicas: number | undefined
  readonly isCluster: boolean
  readonly retentionMs: number
  /** False leaves streams that are there as they are. Default: true. */
  readonly mends?: boolean
}

const NANOS_PER_MS = 1_000_000
/**
 * The servers keep an event this much longer than a deployment does, in ms: a gateway that was away for a while finds
 * what it has not read. Readers see none of it.
 */
const KEPT_LONGER_MS = 3_600_000
/** How long the servers know the id of a message, in ms: longer than any append is tried. */
export const DUPLICATES_MS = 120_000
/** Nodes that are started together find one another within this time, in ms. */
const PEERS_MS_MAX = 20_000
const AGAIN_MS = 500
const REPLICAS_OF_A_CLUSTER = 3
/** API errors: not that many servers, and no cluster at all. */
const TOO_FEW_CODES: ReadonlySet<number> = new Set([10_005, 10_074])
/** API errors of a server that has no leader yet, or is too busy to say. */
const NOT_YET_CODES: ReadonlySet<number> = new Set([10_008, 10_009])

export type WantedStream = Partial<StreamConfig> & { readonly name: string; readonly subjects: string[] }

/** The streams of a deployment, as they should be. */
export function wantedStreams({ partitions, retentionMs }: StreamsOptions): readonly WantedStream[] {
  const common = {
    retention: 'limits',
    storage: 'file',
    // What is full refuses the new rather than drop the old.
    discard: 'new',
    allow_direct: true,
  } satisfies Partial<StreamConfig>
  const events = Array.from({ length: partitions }, (_, partition) => ({
    name: eventStream(partition),
    subjects: eventSubjects(partition),
    ...common,
    max_age: (retentionMs + KEPT_LONGER_MS) * NANOS_PER_MS,
    duplicate_window: DUPLICATES_MS * NANOS_PER_MS,
  }))
  return [
    ...events,
    { name: CHECKPOINT_STREAM, subjects: [checkpointSubjects], ...common },
    // Kept longer than any event: what is too old is taken off by the gateways (ledger.ts).
    { name: AUDIT_STREAM, subjects: [auditSubjects], ...common },
  ]
}

/** Copies of every event that are wanted. */
export function wantedReplicas({ replicas, isCluster }: Pick<StreamsOptions, 'replicas' | 'isCluster'>): number {
  return replicas ?? (isCluster ? REPLICAS_OF_A_CLUSTER : 1)
}

/**
 * Makes the streams that are missing, and puts right what can be put right of those that are there: old servers take
 * settings that they do not know, and somebody may have made a stream by hand.
 */
export async function ensureStreams(jsm: JetStreamManager, clock: Clock, options: StreamsOptions): Promise<void> {
  for (const wanted of wantedStreams(options)) await ensure(jsm, clock, wanted, options)
}

/** What is not as it should be with a stream that is there. */
export function differences(config: StreamConfig, wanted: WantedStream, options: StreamsOptions): readonly Finding[] {
  const findings = differing(config, wanted).map(([key, value]) =>
    warn(
      `stream ${wanted.name}`,
      `${key} is ${JSON.stringify(config[key])} and not ${JSON.stringify(value)}`,
      'Servers keep what they were told when the stream was made, and older ones ignore what they do not know.',
    ),
  )
  return [...findings, ...fewReplicas(config, options)]
}

/** A stream, or bucket, with fewer copies than wanted. */
export function fewReplicas(config: StreamConfig, options: StreamsOptions): readonly Finding[] {
  const wanted = wantedReplicas(options)
  const { name, num_replicas: kept } = config
  if (kept >= wanted) return []
  const advice = options.isCluster
    ? `Start ${wanted} servers, then: nats stream edit ${name} --replicas ${wanted}`
    : 'A single server keeps one copy: run three as a cluster.'
  return [warn(`stream ${name}`, `${kept} ${kept === 1 ? 'copy' : 'copies'} of everything, and not ${wanted}`, advice)]
}

async function ensure(
  jsm: JetStreamManager,
  clock: Clock,
  wanted: WantedStream,
  options: StreamsOptions,
): Promise<void> {
  const until = clock.monotonic() + PEERS_MS_MAX
  let count = wantedReplicas(options)
  for (;;) {
    try {
      const found = await storedConfig(jsm, wanted.name)
      if (found === undefined) await jsm.streams.add({ ...wanted, num_replicas: count })
      else if (options.mends !== false) await mend(jsm, found, wanted)
      return
    } catch (error) {
      const late = clock.monotonic() > until
      if (isTooFew(error) && late && options.replicas === undefined && count > 1) {
        // Better a deployment that says what it lacks than none.
        count = 1
        continue
      }
      if (late || !isPassing(error)) throw error
      await pause(clock, AGAIN_MS)
    }
  }
}

async function storedConfig(jsm: JetStreamManager, name: string): Promise<StreamConfig | undefined> {
  return (await storedStream(jsm, name))?.config
}

/** A stream that is there, or undefined. */
export async function storedStream(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name)
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound) return undefined
    throw error
  }
}

async function mend(jsm: JetStreamManager, config: StreamConfig, wanted: WantedStream): Promise<void> {
  if (differing(config, wanted).length === 0) return
  try {
    await jsm.streams.update(wanted.name, { ...config, ...wanted })
  } catch {
    // What it refuses to change is found when it is inspected.
  }
}

function differing(config: StreamConfig, wanted: WantedStream): [keyof StreamConfig, unknown][] {
  return settingsOf(wanted).filter(([key, value]) => !same(config[key], value))
}

function settingsOf(wanted: WantedStream): [keyof StreamConfig, unknown][] {
  return Object.entries(wanted) as [keyof StreamConfig, unknown][]
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function isTooFew(error: unknown): boolean {
  return error instanceof JetStreamApiError && TOO_FEW_CODES.has(error.code)
}

/** A cluster that is just being started has no leader, or not all of its servers. */
function isPassing(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return TOO_FEW_CODES.has(error.code) || NOT_YET_CODES.has(error.code)
  return ['TimeoutError', 'NoRespondersError', 'JetStreamNotEnabled', 'RequestError'].includes((error as Error).name)
}
