import type { CallEntry } from './conversation.js'

/** A moment of a call that is worth going to. */
export interface Mark {
  readonly id: string
  readonly at: number
  readonly tone: 'person' | 'failed'
  readonly text: string
}

/** Where a person was asked for or came, and where something failed. */
export function marksOf(entries: readonly CallEntry[]): readonly Mark[] {
  const marks: Mark[] = []
  for (const entry of entries) {
    const found = markOf(entry)
    if (found) marks.push({ id: entry.id, at: entry.at, ...found })
  }
  return marks
}

function markOf(entry: CallEntry): Pick<Mark, 'tone' | 'text'> | undefined {
  if ('workspace' in entry) {
    const { event_type: type } = entry.workspace
    if (type === 'call.escalated') return { tone: 'person', text: 'a person is asked for' }
    if (type === 'operator.joined_call') return { tone: 'person', text: 'an operator joins' }
    return undefined
  }
  const event = entry.observer
  if (event.type === 'tool_call_completed' && event.succeeded === false) {
    return { tone: 'failed', text: `${event.tool_name} failed` }
  }
  if (event.type === 'forward_call_resolved' && event.error) return { tone: 'failed', text: 'a forward failed' }
  return undefined
}
