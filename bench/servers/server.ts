import type { Entrance } from '../audience.js'
import type { NumberedEvent } from '../events.js'
import { cpuSeconds, processTree, residentBytes } from '../processor.js'
import type { Desk } from '../publisher.js'
import type { Stage } from '../stage.js'
import { NUMBER_PLACE, SENT_PLACE } from '../template.js'

/** A program that carries events, ours or another. */
export interface Product {
  readonly name: string
  readonly protocols: readonly Entrance['protocol'][]
  /** Whether a subscriber that comes back is given what it missed. */
  readonly resumes: boolean
  /** Its version; undefined when it is not installed. */
  version(): Promise<string | undefined>
  /** What to do when it is not. */
  readonly advice: string
  start(stage: Stage, needs: Needs): Promise<Server>
}

/** What a measurement needs of a server. */
export interface Needs {
  readonly protocol: Entrance['protocol']
  readonly event: NumberedEvent
  /** Default: 1. */
  readonly channels?: number
  /** Events in a request. Default: 1. */
  readonly batch?: number
}

/** A server that runs, pinned to its core. */
export interface Server {
  readonly entrance: Entrance
  readonly desk: Desk
  /** Processes that were started for it; those that they have started count too. */
  readonly pids: readonly number[]
  end(): Promise<void>
}

/** Seconds of a processor that all processes of a server have had. */
export function serverCpuSeconds({ pids }: Server): number {
  return cpuSeconds(pids.flatMap(processTree))
}

/** Memory that all processes of a server have in use, in bytes. */
export function serverBytes({ pids }: Server): number {
  return pids.flatMap(processTree).reduce((sum, pid) => sum + residentBytes(pid), 0)
}

export function channelName(index: number): string {
  return `c${index}`
}

/** A server with a path for each channel to publish to, and one to subscribe to. */
export function serverOfPaths(
  { protocol, event, channels = 1 }: Needs,
  { port, pid, end }: { readonly port: number; readonly pid: number; end(): Promise<void> },
): Server {
  const names = Array.from({ length: channels }, (_, index) => channelName(index))
  return {
    entrance: { protocol, ports: [port], routes: names.map((name) => ({ path: `/${protocol}/${name}`, headers: [] })) },
    desk: {
      port,
      requests: names.map((name, index) =>
        requestText(`/publish/${name}`, ['content-type: application/json'], eventPlace(event, index)),
      ),
      batch: 1,
      closesConnections: false,
    },
    pids: [pid],
    end,
  }
}

/** The text of an event with places for its number and its moment. */
export function eventPlace({ text }: NumberedEvent, source: number): string {
  return text(NUMBER_PLACE, SENT_PLACE, source)
}

/** A POST as it goes over the wire. */
export function requestText(path: string, headers: readonly string[], body: string): string {
  const length = `content-length: ${Buffer.byteLength(body)}`
  return [`POST ${path} HTTP/1.1`, 'host: bench', ...headers, length, '', body].join('\r\n')
}
