import { SwitchboardError } from './errors.js'

/** What the credential function is told. */
export interface CredentialRequest {
  /** The server refused or ended the last one: a cached token will not do. */
  readonly refused: boolean
}

/**
 * An API key or access token, or a function that gives one. The function is called for every request and connection,
 * so it should cache; it is told when the server has refused what it gave last.
 */
export type Credential = string | ((request: CredentialRequest) => string | Promise<string>)

/** The longest credential a server takes. */
const CREDENTIAL_CHARS_MAX = 4096
// What RFC 6455 allows in a subprotocol, where an observer carries it; API keys and JWTs need no more.
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/

export function canRefresh(credential: Credential): boolean {
  return typeof credential === 'function'
}

/**
 * The credential to use now.
 *
 * @throws SwitchboardError `credential_failed` when the function throws or gives no credential. Its message never
 * holds the credential.
 */
export async function takeCredential(credential: Credential, refused: boolean): Promise<string> {
  const token = typeof credential === 'string' ? credential : await ask(credential, refused)
  if (typeof token === 'string' && token.length <= CREDENTIAL_CHARS_MAX && TOKEN.test(token)) return token
  const wrong = typeof token !== 'string' ? `is ${typeof token}` : token === '' ? 'is empty' : 'has other characters'
  throw new SwitchboardError(
    'credential_failed',
    `the credential ${wrong}; accepted is an API key or an access token, at most ${CREDENTIAL_CHARS_MAX} characters`,
  )
}

async function ask(credential: Exclude<Credential, string>, refused: boolean): Promise<string> {
  try {
    return await credential({ refused })
  } catch (cause) {
    throw new SwitchboardError('credential_failed', 'the credential function threw', { cause })
  }
}
