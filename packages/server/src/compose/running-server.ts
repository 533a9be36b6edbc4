/** A server that has been started. */
export interface RunningServer {
  /** Where it can be reached from this machine, for example `http://127.0.0.1:8080`. */
  readonly url: string
  readonly port: number
  /** The servers that events are kept at, for people to read; undefined when they are in the data folder. */
  readonly keptAt: string | undefined
  /** The admin key, at the one start that made it: show it once. Undefined ever after, or when one is set. */
  readonly adminKey: string | undefined
  /** Stops as a signal would: streams are told, requests finished, within `config.drainMs`. Resolves when all is closed. */
  close(): Promise<void>
}
