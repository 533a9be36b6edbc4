/** What one look at something found: a deployment's servers, its certificate, this machine. */
export interface Finding {
  readonly name: string
  readonly verdict: 'ok' | 'warn' | 'fail'
  /** What was found. */
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
