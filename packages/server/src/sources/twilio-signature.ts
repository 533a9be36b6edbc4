import { createHmac, timingSafeEqual } from 'node:crypto'

/** Form fields of a callback. A name that comes several times holds all its values. */
export type FormFields = ReadonlyMap<string, readonly string[]>

/** The fields of a form post, names in order of appearance. */
export function parseForm(body: string): FormFields {
  const fields = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(body)) {
    const values = fields.get(name)
    if (values === undefined) fields.set(name, [value])
    else values.push(value)
  }
  return fields
}

/** The signature Twilio sends for a form post to `url`: the URL, then each name and value, names sorted. */
export function twilioSignature(authToken: string, url: string, fields: FormFields): string {
  let signed = url
  for (const name of [...fields.keys()].sort()) {
    for (const value of [...new Set(fields.get(name))].sort()) signed += name + value
  }
  return createHmac('sha1', authToken).update(signed, 'utf8').digest('base64')
}

/**
 * The spellings of one address that Twilio may have signed: with and without the scheme's default port. Proxies add or
 * drop it, and Twilio signs what it was told to call.
 */
function spellings(url: string): readonly string[] {
  const match = /^(https?):\/\/([^/?#]+?)(?::(\d+))?(?=[/?#]|$)(.*)$/.exec(url)
  if (match === null) return [url]
  const [, scheme, host, port, rest] = match
  const standard = scheme === 'https' ? '443' : '80'
  if (port !== undefined && port !== standard) return [url]
  return [`${scheme}://${host}${rest}`, `${scheme}://${host}:${standard}${rest}`]
}

/** True when `signature` is the account's for this post. Takes the same time wherever it differs. */
export function isSignedByTwilio(authToken: string, url: string, fields: FormFields, signature: string): boolean {
  const given = Buffer.from(signature, 'utf8')
  let matches = false
  for (const spelling of spellings(url)) {
    const expected = Buffer.from(twilioSignature(authToken, spelling, fields), 'utf8')
    if (expected.length === given.length && timingSafeEqual(expected, given)) matches = true
  }
  return matches
}
