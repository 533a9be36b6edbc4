import { SwitchboardError } from '@switchboard/sdk'

/** What a page that asks the server shows, until it has an answer and when it gets none. */
export type Unanswered =
  | { readonly kind: 'loading' }
  | { readonly kind: 'denied'; readonly permission: string }
  | { readonly kind: 'failed'; readonly why: string }

/** The server names the permission that is missing; `asked` stands in when it does not. */
export function unanswered(error: unknown, asked: string): Unanswered {
  if (!(error instanceof SwitchboardError) || error.code !== 'forbidden') return { kind: 'failed', why: reason(error) }
  return { kind: 'denied', permission: /permission ([a-z]+:[a-z]+)/.exec(error.detail)?.[1] ?? asked }
}

/** What went wrong, in words. */
export function reason(error: unknown): string {
  if (error instanceof SwitchboardError) return error.detail
  return error instanceof Error ? error.message : String(error)
}
