const KiB = 1024
const MiB = 1024 * KiB

/** Everything has a limit, and each limit has a name (wire contract). Bytes are of UTF-8. */
export const limits = {
  /** One event, as JSON. A frame must stay far below the 1 MiB at which public clients give up. */
  eventBytesMax: 64 * KiB,
  /** One request body. */
  bodyBytesMax: 5 * MiB,
  /** The body of a request that publishes nothing: a name, some permissions. */
  smallBodyBytesMax: 64 * KiB,
  /** The head of a request must have arrived after this long. */
  headersMsMax: 15_000,
  /** A body may pause this long. */
  bodyIdleMsMax: 30_000,
  /** A whole body must have arrived after this long. */
  bodyMsMax: 240_000,
  /** Events in one `{"events": [...]}`. */
  batchEventsMax: 1000,
  /** Nesting of arrays and objects in an event: enough for any tool's input, too little to blow a stack. */
  eventDepthMax: 32,
  /** `Idempotency-Key` and `idempotency_key`, visible ASCII characters. */
  idempotencyKeyCharsMax: 256,
  /** How long an idempotency key is remembered. */
  idempotencyWindowMs: 24 * 60 * 60 * 1000,
  /** Events, and bytes of the bodies they came in, that wait to be durable; with more, publishing is refused. */
  waitingEventsMax: 32_000,
  waitingBytesMax: 32 * MiB,
  /** One write to a subscriber. Public clients refuse a chunk above 1 MiB. */
  writeBytesMax: 256 * KiB,
  /** Identifiers a caller may choose (call_sid and other ids). */
  idCharsMax: 128,
  /** Default and largest page of a list; history pages may hold more. */
  pageDefault: 50,
  pageMax: 100,
  historyPageDefault: 100,
  historyPageMax: 1000,
  /** Lifetime of an access token. */
  tokenSecondsMax: 3600,
  tokenSecondsDefault: 900,
  /** Lifetime of an API key, in days. */
  keyDaysMax: 3650,
  /** Tenants of a deployment, and what each may keep beside its events: all of it is held in memory. */
  workspacesMax: 100_000,
  keysPerWorkspaceMax: 1000,
  secretsPerWorkspaceMax: 100,
  /** Bytes of a named secret's value. */
  secretBytesMax: 4 * KiB,
  /** Bytes of `auth, <token>` in a WebSocket handshake. */
  tokenCharsMax: 4096,
  /** A WebSocket message from a client: there is nothing to say, so little is read. */
  clientFrameBytesMax: 4 * KiB,
  /** Values in one filter parameter. */
  filterValuesMax: 100,
  /** A name or a slug a person types. */
  nameCharsMax: 200,
  slugCharsMax: 63,
  /** Failed credentials per address per minute before 429. */
  failedCredentialsPerMinute: 60,
  /** A WebSocket close reason (RFC 6455, section 5.5). */
  closeReasonBytesMax: 123,
  /** A reader that takes nothing for this long is disconnected, to resume later without loss. */
  stalledMsMax: 60_000,
  /** Encoded bytes one channel's recent entries may hold, over all its views: 30 s of a busy workspace at 128 KiB/s. */
  tailBytesMax: 4 * MiB,
  /** What each view keeps even so: the burst that a healthy socket is behind by. */
  tailBytesMin: 64 * KiB,
  /** All channels together. Above it each view keeps its least, and readers who fall behind read the log. */
  tailsBytesMax: 256 * MiB,
  /** Longest that a busy fan-out waits for more before it writes. */
  fanoutWindowMsMax: 50,
  /** How long after `call.ended` producers may still send their own `session_end`, before one is made for them. */
  sessionEndGraceMs: 1000,
  /** How long an ended stream may take to send its last words before the connection is cut. */
  goodbyeMsMax: 1000,
} as const
