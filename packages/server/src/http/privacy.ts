import { type LegalHold, SwitchboardError } from '@switchboard/contract'
import type { Hold, Holds } from '../access/holds.js'
import type { Log } from '../log/log.js'
import type { Subject } from '../log/subject.js'
import type { Handlers } from './route-types.js'

export interface PrivacyDeps {
  readonly log: Log
  readonly holds: Holds
}

type PrivacyRoutes =
  | 'eraseCallData'
  | 'placeCallHold'
  | 'getCallHold'
  | 'liftCallHold'
  | 'eraseSurfaceData'
  | 'placeSurfaceHold'
  | 'getSurfaceHold'
  | 'liftSurfaceHold'

interface OfCall {
  readonly params: { readonly workspace_id: string; readonly call_sid: string }
}
interface OfSurface {
  readonly params: { readonly workspace_id: string; readonly surface_id: string }
}

/** Erasing personal data, and keeping it from being erased. */
export function privacyHandlers({ log, holds }: PrivacyDeps): Handlers<PrivacyRoutes> {
  async function erase(workspace: string, subject: Subject): Promise<{ erased_at: string | null }> {
    await log.catchUp()
    const { erasedAt } = await log.eraseData(workspace, subject, holds.nameOf(workspace, subject))
    return { erased_at: erasedAt === undefined ? null : new Date(erasedAt).toISOString() }
  }

  async function held(workspace: string, subject: Subject): Promise<LegalHold> {
    const hold = await holds.get(workspace, subject)
    if (hold) return shown(hold)
    throw new SwitchboardError('not_found', `This ${subject.kind} is under no legal hold.`)
  }

  return {
    async eraseCallData({ params }) {
      const { workspace_id: workspace, call_sid: call } = params
      const erased = await erase(workspace, { kind: 'call', id: call })
      if (erased.erased_at === null) {
        const { newest } = await log.bounds({ workspace, call })
        if (newest.sequence === 0 && (await log.record(workspace, 'calls', call)) === undefined) {
          throw new SwitchboardError('call_unknown', 'No event of this call is known.')
        }
      }
      return erased
    },
    eraseSurfaceData: ({ params }) => erase(params.workspace_id, surfaceOf({ params })),

    placeCallHold: async ({ params, body, principal }) =>
      shown(await holds.place(params.workspace_id, callOf({ params }), body.reason, principal.keyId)),
    getCallHold: ({ params }) => held(params.workspace_id, callOf({ params })),
    async liftCallHold({ params }) {
      await holds.lift(params.workspace_id, callOf({ params }))
    },

    placeSurfaceHold: async ({ params, body, principal }) =>
      shown(await holds.place(params.workspace_id, surfaceOf({ params }), body.reason, principal.keyId)),
    getSurfaceHold: ({ params }) => held(params.workspace_id, surfaceOf({ params })),
    async liftSurfaceHold({ params }) {
      await holds.lift(params.workspace_id, surfaceOf({ params }))
    },
  }
}

const callOf = ({ params }: OfCall): Subject => ({ kind: 'call', id: params.call_sid })
const surfaceOf = ({ params }: OfSurface): Subject => ({ kind: 'surface', id: params.surface_id })

function shown({ reason, placedAt, placedBy }: Hold): LegalHold {
  return { reason, placed_at: new Date(placedAt).toISOString(), placed_by: placedBy }
}
