import type { Durability, NatsNode } from '@switchboard/server'
import type { ServerCredentials } from '../credentials.js'
import type { Palette } from '../render/palette.js'

/** What is there when a cluster has started. */
export interface Ready {
  readonly gateways: readonly { readonly name: string; readonly url: string; readonly pid: number | undefined }[]
  readonly nodes: readonly NatsNode[]
  readonly durability: Durability
  readonly serverVersion: string
  readonly held: ServerCredentials
  readonly credentials: string
  readonly dataDir: string
  /** How this program is called from here. */
  readonly command: string
}

/** What there is and what to try. Ends with a line break. */
export function readyText(ready: Ready, colours: Palette): string {
  const { gateways, nodes, held, command } = ready
  const process = (pid: number | undefined): string => colours.faint(`(process ${pid})`)
  const rows: (readonly [string, string])[] = [
    ...gateways.map(({ name, url, pid }) => [name, `${url} ${process(pid)}`] as const),
    ...nodes.map(({ name, url, pid }) => [name, `${url} ${process(pid)}`] as const),
    ['Workspace', `${held.workspace_slug ?? ''} ${colours.faint(held.workspace_id ?? '')}`.trim()],
    ['Admin key', `in ${ready.dataDir}/admin-key`],
    ['Credentials', `${ready.credentials} ${colours.faint('(yours alone; commands use it)')}`],
    ['Data, logs', ready.dataDir],
    ['Power cut', powerLine(ready, colours)],
  ]
  const [first, second = first] = gateways
  const [node] = nodes
  const tries: (readonly [string, string])[] = [
    [`${command} tail --url ${second?.url}`, 'watch at one gateway'],
    [`${command} simulate --url ${first?.url}`, 'publish at the other'],
    [`kill -9 ${node?.pid}`, 'lose a NATS node: publishers wait some seconds at most, nothing is lost'],
    [`kill -9 ${first?.pid}`, `lose a gateway: all is there at ${second?.url}`],
  ]
  const width = Math.max(...tries.map(([typed]) => typed.length))
  return [
    '',
    colours.strong('A cluster of Switchboard on this machine. Ctrl-C ends it; its data stay.'),
    '',
    ...rows.map(([name, value]) => `  ${colours.faint(name.padEnd(11))}  ${value}`),
    '',
    'In other terminals:',
    '',
    ...tries.map(([typed, meaning]) => `  ${colours.code(typed.padEnd(width))}  ${colours.faint(meaning)}`),
    '',
    '',
  ].join('\n')
}

/** What a power cut would take, and what it costs that it takes nothing. */
function powerLine({ durability, serverVersion }: Ready, colours: Palette): string {
  if (!durability.synchronous)
    return `${colours.warning('loses acknowledged events')} (up to two minutes of them, or whole streams): ${durability.why}`
  const price =
    durability.by === 'folder'
      ? `nats-server ${serverVersion} cannot flush by itself, so its folder writes through, at a half to a tenth of the publish rate; --fast does without`
      : 'nats-server flushes before it acknowledges; --fast does without'
  return `loses nothing that was acknowledged ${colours.faint(`(${price})`)}`
}
