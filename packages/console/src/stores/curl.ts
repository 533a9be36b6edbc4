export interface Publishing {
  /** Where the server is: `https://events.example.com`. */
  readonly origin: string
  readonly workspaceId: string
  /** The call whose observer hears it; undefined for the workspace stream. */
  readonly callSid: string | undefined
  /** One event as JSON. */
  readonly body: string
}

/** The same publish as a command for a shell. The key is not in it: the shell takes it from its environment. */
export function curlCommand({ origin, workspaceId, callSid, body }: Publishing): string {
  const path = callSid === undefined ? 'events' : `calls/${encodeURIComponent(callSid)}/events`
  return [
    `curl -X POST ${quoted(`${origin}/v1/${workspaceId}/${path}`)}`,
    `-H "Authorization: Bearer $SWITCHBOARD_KEY"`,
    `-H 'Content-Type: application/json'`,
    `-d ${quoted(body)}`,
  ].join(' \\\n  ')
}

/** A text that a POSIX shell hands on as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
