/** A stream of text for people or for another program. */
export interface Output {
  /** Writes text, and resolves when the reader has room for more: a slow pipe slows its writer down. */
  write(text: string): Promise<void>
  readonly isTTY: boolean
  /** Whether to colour: on a terminal, unless NO_COLOR or --no-color says otherwise. */
  readonly colour: boolean
  /** Width of the terminal in characters; undefined when it is none. */
  readonly columns: number | undefined
}

/** All that a command may touch of the world. `main` makes the real one; tests make their own. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The folder that relative paths start from. */
  readonly cwd: string
  /** The user's home folder. */
  readonly home: string
  readonly stdout: Output
  readonly stderr: Output
  /** Standard input as text; `isTTY` tells whether a person would have to type it. */
  readonly stdin: AsyncIterable<string | Uint8Array> & { readonly isTTY: boolean }
  readonly fetch: typeof globalThis.fetch
  /** Unix ms. */
  now(): number
  /** Resolves after `ms`, or at once when `signal` is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Aborted by Ctrl-C, SIGTERM, and when nobody reads standard output any more. */
  readonly signal: AbortSignal
}

/** Writes one line. */
export function say(output: Output, line: string): Promise<void> {
  return output.write(`${line}\n`)
}
