import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import { Button } from '../design/parts.js'
import { Said } from '../design/text.js'
import { clockDuration } from '../design/words.js'
import type { CallPicture, Line, Remark, Turn } from '../stores/conversation.js'

interface ConversationViewProps {
  readonly picture: CallPicture
  /** When the call began, in Unix ms: times stand beside it. */
  readonly beginsAt: number
  readonly isReplay: boolean
  readonly nameOf: (operatorId: string | undefined) => string
}

/** Lines drawn; the newest are the ones that are read. */
const LINES_SHOWN_MAX = 1000
/** This near its end, the conversation is being followed and not read. */
const FOLLOWING_PX = 48

/** What was said, and what happened in between. Who has scrolled up reads: nothing moves under their eyes. */
export function ConversationView({ picture, beginsAt, isReplay, nameOf }: ConversationViewProps) {
  const { lines, speaking } = picture
  const scroll = useRef<HTMLDivElement>(null)
  const following = useRef(true)
  /** Where it stood when it was last looked at: only a reader goes up. */
  const lastTop = useRef(0)
  /** How many lines there were when the reader left the end; undefined while they are there. */
  const [read, setRead] = useState<number>()
  const [from, setFrom] = useState(LINES_SHOWN_MAX)
  const toEnd = () => {
    following.current = true
    setRead(undefined)
    scroll.current?.scrollTo({ top: scroll.current.scrollHeight })
  }
  const scrolled = () => {
    const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = scroll.current ?? {}
    // More may have come since it was scrolled to what was its end: then it is followed still.
    const wentUp = scrollTop < lastTop.current - 1
    lastTop.current = scrollTop
    if (scrollHeight - scrollTop - clientHeight < FOLLOWING_PX) following.current = true
    else if (wentUp) following.current = false
    setRead((before) => (following.current ? undefined : (before ?? lines.length)))
  }
  // Before it is painted: what is followed must not be seen to jump.
  useLayoutEffect(() => {
    if (!following.current || !scroll.current) return
    scroll.current.scrollTop = scroll.current.scrollHeight
    lastTop.current = scroll.current.scrollTop
  })
  useRowKeys(scroll)
  const hidden = Math.max(0, lines.length - from)
  const shown = hidden === 0 ? lines : lines.slice(hidden)
  const missed = read === undefined ? 0 : lines.length - read
  return (
    <section className="conversation" aria-label="Conversation">
      <div
        className="said"
        ref={scroll}
        onScroll={scrolled}
        role="log"
        aria-live={isReplay ? 'off' : 'polite'}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse scrolls what has the focus
        tabIndex={0}
      >
        {hidden > 0 && (
          <Button onClick={() => setFrom(from + LINES_SHOWN_MAX)}>{hidden.toLocaleString()} earlier lines</Button>
        )}
        {shown.length === 0 && !speaking && <p className="muted nothing">Nothing has been said yet.</p>}
        <ol>
          {shown.map((line) => (
            <LineRow key={`${line.kind} ${line.id}`} line={line} beginsAt={beginsAt} nameOf={nameOf} />
          ))}
          {speaking && <TurnRow turn={speaking} beginsAt={beginsAt} nameOf={nameOf} growing />}
        </ol>
      </div>
      {missed > 0 && (
        <Button className="missed" onClick={toEnd}>
          ↓ {missed} new
        </Button>
      )}
    </section>
  )
}

function LineRow({ line, ...rest }: { line: Line; beginsAt: number; nameOf: ConversationViewProps['nameOf'] }) {
  return line.kind === 'turn' ? <TurnRow turn={line} {...rest} /> : <RemarkRow remark={line} {...rest} />
}

interface TurnRowProps {
  readonly turn: Turn
  readonly beginsAt: number
  readonly nameOf: ConversationViewProps['nameOf']
  readonly growing?: boolean
}

function TurnRow({ turn, beginsAt, nameOf, growing = false }: TurnRowProps) {
  const { at, speaker, operatorId, text, interrupted, cutIn, unsaid } = turn
  return (
    <li className={`turn ${speaker} ${growing ? 'growing' : ''}`} data-turn={turn.id}>
      <time dateTime={new Date(at).toISOString()}>{clockDuration(at - beginsAt)}</time>
      <span className="who" dir="auto">
        {speaker === 'operator' ? nameOf(operatorId) : speaker}
        {cutIn && <span className="muted"> cut in</span>}
      </span>
      <span className="words">
        <Said text={interrupted ? text.trimEnd() : text} />
        {interrupted && <span className="cut">— interrupted</span>}
        {growing && !interrupted && <span className="caret" aria-hidden="true" />}
        {unsaid.length > 0 && (
          <span className="unsaid">
            not said: <Said text={unsaid.join(' ')} />
          </span>
        )}
      </span>
    </li>
  )
}

function RemarkRow({ remark, beginsAt, nameOf }: { remark: Remark } & Omit<TurnRowProps, 'turn'>) {
  const mark = remark.tone === 'person' ? '▲ ' : remark.tone === 'failed' ? '✕ ' : ''
  return (
    <li className={`remark ${remark.tone}`}>
      <time dateTime={new Date(remark.at).toISOString()}>{clockDuration(remark.at - beginsAt)}</time>
      <span>
        <span>
          {mark}
          {remark.operatorId && `${nameOf(remark.operatorId)} `}
          <Said text={remark.text} />
        </span>
      </span>
    </li>
  )
}

/** `j` and `k` scroll by a line or two, as arrows do for who has put the focus there. */
function useRowKeys(scroll: React.RefObject<HTMLDivElement | null>): void {
  useEffect(() => {
    const press = ({ key, target, ctrlKey, metaKey, altKey }: KeyboardEvent) => {
      if (ctrlKey || metaKey || altKey || target instanceof HTMLInputElement || target instanceof HTMLSelectElement)
        return
      if (key === 'j') scroll.current?.scrollBy({ top: 64 })
      if (key === 'k') scroll.current?.scrollBy({ top: -64 })
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [scroll])
}
