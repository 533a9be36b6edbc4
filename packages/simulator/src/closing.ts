import { callOf, roundSeconds, type TimelineItem } from './timeline.js'

interface OpenCall {
  readonly startedAt: number
  readonly direction: unknown
  escalated: boolean
  /** The operator on it, and whether the agent's voice is muted for them. */
  operatorId: unknown
  muted: boolean
  sessionEnded: boolean
}

/**
 * What a story has begun and not ended, so that it can be brought to an end when somebody stops it halfway: calls are
 * hung up and operators go home, rather than stay on a screen for ever.
 */
export class Unfinished {
  private readonly calls = new Map<string, OpenCall>()
  private readonly present = new Set<unknown>()

  /** Takes note of an item that has been told. */
  take(item: TimelineItem): void {
    if ('ws' in item && item.ws.event_type === 'operator.status_changed') {
      if (item.ws.status === 'offline') this.present.delete(item.ws.operator_id)
      else this.present.add(item.ws.operator_id)
      return
    }
    const sid = callOf(item)
    if (sid !== undefined) this.takeOfCall(sid, item)
  }

  private takeOfCall(sid: string, item: TimelineItem): void {
    if ('ws' in item && item.ws.event_type === 'call.started') {
      this.calls.set(sid, {
        startedAt: item.at,
        direction: item.ws.direction,
        escalated: false,
        operatorId: undefined,
        muted: false,
        sessionEnded: false,
      })
      return
    }
    const call = this.calls.get(sid)
    if (call === undefined) return
    if ('obs' in item) {
      if (item.obs.type === 'speaker_muted') call.muted = item.obs.muted === true
      if (item.obs.type === 'session_end') call.sessionEnded = true
      return
    }
    switch (item.ws.event_type) {
      case 'call.escalated':
        call.escalated = true
        return
      case 'operator.joined_call':
        call.operatorId = item.ws.operator_id
        return
      case 'operator.left_call':
        call.operatorId = undefined
        return
      case 'call.ended':
        this.calls.delete(sid)
    }
  }

  /** The events that end at this second what is open, in the order that calls keep. */
  endAt(at: number): readonly TimelineItem[] {
    const items: TimelineItem[] = []
    for (const [sid, call] of this.calls) {
      const seconds = roundSeconds(at - call.startedAt)
      if (call.operatorId !== undefined) {
        if (call.muted) items.push({ at, obs: { type: 'speaker_muted', muted: false }, call_sid: sid })
        items.push({ at, ws: { event_type: 'operator.left_call', call_sid: sid, operator_id: call.operatorId } })
      }
      if (!call.sessionEnded) {
        items.push({
          at,
          obs: { type: 'session_end', call_sid: sid, duration_s: seconds, completion_reason: 'cancelled' },
          call_sid: sid,
        })
      }
      items.push({
        at,
        ws: {
          event_type: 'call.ended',
          call_sid: sid,
          direction: call.direction,
          duration_seconds: seconds,
          completion_reason: 'cancelled',
          escalated: call.escalated,
        },
      })
    }
    for (const id of this.present) {
      items.push({ at, ws: { event_type: 'operator.status_changed', operator_id: id, status: 'offline' } })
    }
    return items
  }
}
