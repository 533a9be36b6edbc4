/** `0:41`, `7:32`, `1:02:09`. */
export function clockDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** `09:12:44.031`, in the reader's own time zone. */
export function clockTime(time: Date, precise = true): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const whole = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
  return precise ? `${whole}.${String(time.getMilliseconds()).padStart(3, '0')}` : whole
}

/** `3 s ago`, `12 min ago`. */
export function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  return `${Math.floor(seconds / 3600)} h ago`
}

/** Long ids by both ends: those of one maker begin alike. */
export function shortId(id: string): string {
  return id.length <= 14 ? id : `${id.slice(0, 6)}…${id.slice(-4)}`
}
