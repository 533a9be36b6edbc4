/** Why a certificate was not accepted, by the code that Node gives, in words that follow "its certificate". */
const UNTRUSTED: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by nobody that is known here',
  SELF_SIGNED_CERT_IN_CHAIN: 'is signed by nobody that is known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is signed by nobody that is known here',
  UNABLE_TO_GET_ISSUER_CERT: 'is signed by nobody that is known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is signed by nobody that is known here',
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
}

const UNKNOWN_SIGNER =
  'Set NODE_EXTRA_CA_CERTS to a file with the certificate of whoever signed it; of one that signs for itself, that is its own file.'

/** What is wrong with the certificate that a connection has failed for, and what to do; undefined for any other failure. */
export function certificateTrouble(error: unknown): { readonly what: string; readonly advice: string } | undefined {
  if (!(error instanceof Error)) return undefined
  const { code } = error as { code?: unknown }
  const what = typeof code === 'string' ? UNTRUSTED[code] : undefined
  // `fetch` and the SDK have the reason as their cause.
  if (what === undefined) return certificateTrouble(error.cause)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return { what, advice: 'Give the address that it is for, with --url or SWITCHBOARD_URL.' }
  }
  const dates = code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID'
  return { what, advice: dates ? 'Renew it: the server takes the new one without a restart.' : UNKNOWN_SIGNER }
}
