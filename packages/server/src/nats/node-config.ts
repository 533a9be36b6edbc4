/** Where one node listens. */
export interface NodePlace {
  readonly host: string
  /** For clients. */
  readonly port: number
  /** For its HTTP monitoring. */
  readonly monitorPort: number
  /** For the other nodes; nothing listens there when it is alone. */
  readonly clusterPort: number
  /** Words to put before the program, to start it somewhere else: `ip netns exec NAME`. */
  readonly enter?: readonly string[]
}

export interface NodeConfig {
  readonly name: string
  readonly place: NodePlace
  /** All nodes of the cluster, this one included; one alone is no cluster. */
  readonly places: readonly NodePlace[]
  readonly storeDir: string
  /** The largest message; undefined leaves the server's 1 MB. */
  readonly maxPayloadBytes: number | undefined
  /** Flush before each acknowledgement. Servers before 2.10 refuse to start with the setting. */
  readonly syncAlways: boolean
}

/**
 * The configuration file of one node. Its process is ours to watch, so there is no pid file; nor a lame duck mode, which
 * lasts 30 s at least: a node here ends at once.
 */
export function nodeConfigText({ name, place, places, storeDir, maxPayloadBytes, syncAlways }: NodeConfig): string {
  const { host, port, monitorPort, clusterPort } = place
  const routes = places.map((each) => `nats-route://${each.host}:${each.clusterPort}`)
  return [
    `server_name: ${quoted(name)}`,
    `host: ${quoted(host)}`,
    `port: ${port}`,
    `http: ${quoted(`${host}:${monitorPort}`)}`,
    ...(maxPayloadBytes === undefined ? [] : [`max_payload: ${maxPayloadBytes}`]),
    'jetstream {',
    `  store_dir: ${quoted(storeDir)}`,
    ...(syncAlways ? ['  sync_interval: always'] : []),
    '}',
    ...(places.length === 1
      ? []
      : [
          'cluster {',
          '  name: switchboard',
          `  host: ${quoted(host)}`,
          `  port: ${clusterPort}`,
          `  routes: [${routes.map(quoted).join(', ')}]`,
          '}',
        ]),
    '',
  ].join('\n')
}

/** The format knows the escapes of JSON that a path can need. */
function quoted(text: string): string {
  return JSON.stringify(text)
}
