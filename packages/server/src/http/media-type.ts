import { SwitchboardError } from '@switchboard/contract'
import type { FastifyRequest } from 'fastify'

/** A type and its parameters, as far as we look at them (RFC 9110, section 8.3). */
const MEDIA_TYPE = /^\s*([\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+)\s*(?:;(.*))?$/
const CHARSET = /(?:^|;)\s*charset\s*=\s*"?([\w-]+)"?/i

/**
 * The body's media type, in lower case.
 * @param accepted What is taken here, for the refusal to name.
 * @throws SwitchboardError `unsupported_media_type` for another type, a charset that is not UTF-8, or a body that is
 * compressed: unpacked it could be of any size.
 */
export function mediaTypeOf<T extends string>(request: FastifyRequest, accepted: readonly T[]): T {
  requirePlainEncoding(request)
  const header = request.headers['content-type']
  if (header === undefined) throw refusal('The body has no content type.', accepted)
  // As nearly everybody sends it.
  const exactly = accepted.find((name) => name === header)
  if (exactly !== undefined) return exactly
  const [, type = '', parameters = ''] = MEDIA_TYPE.exec(header) ?? []
  const found = accepted.find((name) => name === type.toLowerCase())
  if (found === undefined) throw refusal('This content type is not accepted here.', accepted)
  const charset = CHARSET.exec(parameters)?.[1]?.toLowerCase()
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') {
    throw refusal('The charset must be UTF-8.', accepted)
  }
  return found
}

/** @throws SwitchboardError `unsupported_media_type` for a compressed body. */
export function requirePlainEncoding(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding']
  if (encoding === undefined || encoding.trim().toLowerCase() === 'identity') return
  throw new SwitchboardError(
    'unsupported_media_type',
    'A compressed body is not accepted: send it without Content-Encoding.',
  )
}

/** The refusal of a content type. */
export function refusal(why: string, accepted: readonly string[]): SwitchboardError {
  return new SwitchboardError('unsupported_media_type', `${why} Accepted: ${accepted.join(', ')}.`, {
    extra: { accepted },
  })
}
