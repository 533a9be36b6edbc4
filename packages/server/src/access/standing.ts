import type { SwitchboardError } from '@switchboard/contract'
import type { Clock } from '../clock.js'
import { expiredCredential, revokedCredential } from './api-keys.js'
import type { Gate, Principal } from './principal.js'

/** Whether a credential that was valid when a request began still is: a body may take minutes to arrive. */
export interface Standing {
  /** @throws SwitchboardError `credential_revoked`, `credential_expired`. */
  assert(): void
  /** Must be called when the request is over. */
  release(): void
}

export function watchStanding(gate: Pick<Gate, 'onRevoked'>, principal: Principal, clock: Clock): Standing {
  const { keyId, expiresAt } = principal
  let ended: SwitchboardError | undefined
  const release = gate.onRevoked((endedKey) => {
    if (endedKey === keyId) ended = revokedCredential()
  })
  return {
    assert() {
      if (ended !== undefined) throw ended
      if (expiresAt !== undefined && expiresAt <= clock.now()) throw expiredCredential()
    },
    release,
  }
}
