import { clean } from '../render/text.js'

/** A line of a server's log for people: what was JSON becomes words, anything else stays as it is. */
export function logLine(line: string): string {
  const entry = parsed(line)
  if (entry === undefined) return clean(line)
  const { level, time: _, msg, error, ...rest } = entry
  // The command line's last words, when a start fails.
  if (isRecord(error) && typeof error.message === 'string') return clean(`error: ${error.message}`)
  const more = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`
  return clean(`${level ?? 'log'}: ${msg ?? ''}${more}`)
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
