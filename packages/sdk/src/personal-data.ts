import { type Context, workspaceOf } from './context.js'
import {
  eraseCallData,
  eraseSurfaceData,
  getCallHold,
  getSurfaceHold,
  liftCallHold,
  liftSurfaceHold,
  placeCallHold,
  placeSurfaceHold,
} from './generated/sdk.gen.js'
import type { DataErasure, LegalHold } from './generated/types.gen.js'
import { segment } from './http.js'

/** Whose personal data: a call's, or a surface's that belongs to no call. */
export type DataSubject = { readonly callSid: string } | { readonly surfaceId: string }

/** Personal data: erasing it, and keeping it from being erased. Needs `data:erase`. */
export interface PersonalData {
  /**
   * Erases the personal data of a call or surface, for good. Its events stay where they are, masked and with
   * `erased: true`.
   * @throws SwitchboardError `legal_hold` while a hold stands, `call_unknown`.
   */
  erase(subject: DataSubject): Promise<DataErasure>
  /** Keeps it from being erased. A hold that stands is replaced. */
  hold(subject: DataSubject, reason: string): Promise<LegalHold>
  /** @throws SwitchboardError `not_found` when none stands. */
  getHold(subject: DataSubject): Promise<LegalHold>
  lift(subject: DataSubject): Promise<void>
}

export function personalData(context: Context): PersonalData {
  const common = { client: context.rest, throwOnError: true } as const
  /** One of two functions, with the path it needs. */
  function on<T>(
    subject: DataSubject,
    call: (path: { workspace_id: string; call_sid: string }) => T,
    surface: (path: { workspace_id: string; surface_id: string }) => T,
  ): T {
    const workspace_id = workspaceOf(context)
    if ('callSid' in subject) {
      segment('callSid', subject.callSid)
      return call({ workspace_id, call_sid: subject.callSid })
    }
    segment('surfaceId', subject.surfaceId)
    return surface({ workspace_id, surface_id: subject.surfaceId })
  }
  return {
    async erase(subject) {
      const { data } = await on(
        subject,
        (path) => eraseCallData({ ...common, path }),
        (path) => eraseSurfaceData({ ...common, path }),
      )
      return data
    },
    async hold(subject, reason) {
      const body = { reason }
      const { data } = await on(
        subject,
        (path) => placeCallHold({ ...common, path, body }),
        (path) => placeSurfaceHold({ ...common, path, body }),
      )
      return data
    },
    async getHold(subject) {
      const { data } = await on(
        subject,
        (path) => getCallHold({ ...common, path }),
        (path) => getSurfaceHold({ ...common, path }),
      )
      return data
    },
    async lift(subject) {
      await on(
        subject,
        (path) => liftCallHold({ ...common, path }),
        (path) => liftSurfaceHold({ ...common, path }),
      )
    },
  }
}
