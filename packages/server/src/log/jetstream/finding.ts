/** Something about the servers that a deployment should know. */
export interface Finding {
  readonly name: string
  readonly verdict: 'ok' | 'warn' | 'fail'
  readonly detail: string
  /** What to do; undefined when nothing needs doing. */
  readonly advice?: string
}

export const ok = (name: string, detail: string): Finding => ({ name, verdict: 'ok', detail })
export const warn = (name: string, detail: string, advice: string): Finding => ({
  name,
  verdict: 'warn',
  detail,
  advice,
})
export const fail = (name: string, detail: string, advice: string): Finding => ({
  name,
  verdict: 'fail',
  detail,
  advice,
})
