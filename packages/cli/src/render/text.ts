/**
 * Text that came from elsewhere, made safe for a terminal: control characters (which could move the cursor, change
 * colours or the window's title) and marks that reverse the direction of writing become visible dots.
 */
export function clean(value: unknown): string {
  return String(value)
    .replaceAll(/[\r\n\t\u2028\u2029]+/g, ' ')
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '·')
}

/**
 * One line of JSON, made safe for a terminal as well: `JSON.stringify` leaves some of what a terminal obeys as it is (one-byte
 * control sequences, marks that reverse the direction of writing). Escaped they are the same value to whoever parses them.
 */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Longest id that is shown whole on a terminal. The call id of a telephone line has 34. */
const ID_CHARS_MAX = 12

/** The beginning of an id, enough to tell it from others and for `observe` to find the call. */
export function shortId(id: unknown): string {
  const text = clean(id)
  if (text.length <= ID_CHARS_MAX) return text
  return text.startsWith('CA') ? text.slice(0, 10) : text.slice(0, 8)
}

/** `14:02:07.123`, in the time zone of whoever reads. */
export function clockTime(ms: number): string {
  const at = new Date(ms)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`
}

/** `0.87 s`, `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(ms: number): string {
  if (ms < 1) return '0 s'
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`
  const hours = Math.floor(minutes / 60)
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
}

/** `m:ss` since something began, as players show it. */
export function stopwatch(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const rest = String(seconds % 60).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  return minutes < 60
    ? `${minutes}:${rest}`
    : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`
}

/** At most this many characters, with an ellipsis where some are missing. */
export function shorten(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, Math.max(0, chars - 1))}…`
}

/** `1 event`, `2 events`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-GB').replaceAll(',', ' ')} ${count === 1 ? one : many}`
}
