import type { ChannelKind } from '@switchboard/contract'

/** First byte of an unfragmented text message (RFC 6455, section 5.2: FIN and opcode 1). */
const TEXT_MESSAGE = 0x81

/**
 * A frame of the log as the bytes that go into a socket. A workspace's frames are SSE text already; an observer's are
 * JSON text and become one WebSocket message each, framed once for all observers of the call.
 */
export function socketFrame(kind: ChannelKind, frame: Buffer): Buffer {
  return kind === 'workspace' ? frame : textMessage(frame)
}

/** A whole server-to-client text message: header, then the payload, unmasked. */
export function textMessage(payload: Buffer): Buffer {
  const { length } = payload
  const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const message = Buffer.allocUnsafe(headerBytes + length)
  message[0] = TEXT_MESSAGE
  if (headerBytes === 2) message[1] = length
  else if (headerBytes === 4) {
    message[1] = 126
    message.writeUInt16BE(length, 2)
  } else {
    message[1] = 127
    message.writeUInt32BE(0, 2)
    message.writeUInt32BE(length, 6)
  }
  payload.copy(message, headerBytes)
  return message
}
