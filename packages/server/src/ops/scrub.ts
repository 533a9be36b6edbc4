/** What must not stand in a log: secrets, and signs that a terminal or a reader of logs would obey. */

/** Members whose values are never logged, whatever they hold. Compared in small letters, without `-` and `_`. */
const SECRET_NAMES = new Set([
  'authorization',
  'proxyauthorization',
  'cookie',
  'setcookie',
  'secwebsocketprotocol',
  'xtwiliosignature',
  'accesstoken',
  'apikey',
  'adminkey',
  'authtoken',
  'token',
  'secret',
  'password',
])

export const REDACTED = '[redacted]'

/** Deeper than anybody logs; below it nothing is shown. */
const DEPTH_MAX = 6
/** Characters of one logged text; what a stranger sends must not fill the disk. */
const TEXT_CHARS_MAX = 2048
/** Stacks are ours, and longer. */
const STACK_CHARS_MAX = 8192

/** Members that have a serializer of their own, which shows little of them. */
const SERIALIZED = new Set(['req', 'res'])

/** The object with the values of secret members replaced and long texts cut. The object itself is left alone. */
export function withoutSecrets(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const members = Object.entries(object).map(([name, value]) => [
    name,
    SERIALIZED.has(name) ? value : member(name, value, 0),
  ])
  return Object.fromEntries(members)
}

function member(name: string, value: unknown, depth: number): unknown {
  return isSecretName(name) ? REDACTED : cleaned(value, depth + 1)
}

function cleaned(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cut(value, TEXT_CHARS_MAX)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return errorOf(value, depth)
  if (depth === DEPTH_MAX) return '…'
  if (Array.isArray(value)) return value.map((item) => cleaned(item, depth + 1))
  // Dates and the like say themselves how they are shown; buffers are not.
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  if ('toJSON' in value && typeof value.toJSON === 'function') return value
  // Sockets, requests, maps: whatever is not plain data would show more than anybody meant.
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return `[${prototype.constructor?.name ?? 'object'}]`
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, member(name, inner, depth)]))
}

function isSecretName(name: string): boolean {
  return SECRET_NAMES.has(name.toLowerCase().replace(/[-_]/g, ''))
}

/** Name, code, message and stack: other members of an error may hold a request, or the value it complains about. */
function errorOf(error: Error, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    ...('code' in error && (typeof error.code === 'string' || typeof error.code === 'number') && { code: error.code }),
    message: cut(error.message, TEXT_CHARS_MAX),
    stack: cut(error.stack ?? '', STACK_CHARS_MAX),
    ...(error.cause instanceof Error && depth < DEPTH_MAX && { cause: errorOf(error.cause, depth + 1) }),
  }
}

function cut(text: string, chars: number): string {
  return text.length > chars ? `${text.slice(0, chars)}…` : text
}

/** The forms in which our credentials may stand in any text: an address, a message, a stack. */
const SECRET_FORMS: readonly (readonly [RegExp, string])[] = [
  [/\bsb_([A-Za-z0-9]{1,64})_[A-Za-z0-9]+/g, `sb_$1_${REDACTED}`],
  [/\b(access_token=)[^&\s"'\\#]+/gi, `$1${REDACTED}`],
  [/\b(bearer )[^\s"',\\]+/gi, `$1${REDACTED}`],
  [/\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*/g, REDACTED],
]

/** A member of a JSON object whose value is a text. */
const TEXT_MEMBER = /"([^"\\]{1,64})":"(?:[^"\\]|\\.)+"/g

/** One line of JSON without credentials in its texts, those that came with a child logger's bindings included. */
export function scrubbedLine(line: string): string {
  let scrubbed = line.replace(TEXT_MEMBER, (member, name: string) =>
    isSecretName(name) ? `"${name}":"${REDACTED}"` : member,
  )
  for (const [form, instead] of SECRET_FORMS) scrubbed = scrubbed.replace(form, instead)
  return scrubbed
}

/**
 * Escapes what JSON leaves as it is and a terminal obeys: DEL, the C1 controls, line separators, signs that turn the
 * direction of writing. The line stays the same JSON.
 */
export function escapedLine(line: string): string {
  return line.replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The same for texts that are shown as they are: every control sign is made visible. */
export function visible(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A request's address for a log: its path, and the names in its query without their values. */
export function loggedPath(url: string): string {
  const [path = '', query] = url.split('?', 2)
  if (query === undefined || query === '') return path
  const names = query.split('&').map((pair) => `${pair.split('=', 1)[0]}=…`)
  return `${path}?${names.join('&')}`
}
