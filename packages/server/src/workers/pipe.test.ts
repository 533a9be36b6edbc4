import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeMessage, Pipe } from './pipe.js'

/** What comes out of a pipe when its bytes arrive in certain pieces. */
async function heard(bytes: Buffer, cuts: readonly number[]): Promise<unknown[]> {
  const stream = new PassThrough()
  const messages: unknown[] = []
  new Pipe(
    stream,
    (message) => messages.push(message),
    () => {},
  )
  let from = 0
  for (const cut of [...cuts.map((part) => part % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    stream.write(bytes.subarray(from, cut))
    from = cut
    await new Promise(setImmediate)
  }
  return messages
}

test('messages come whole and in order, wherever their bytes are cut', async () => {
  const message = fc.oneof(
    fc.string(),
    fc.uint8Array({ maxLength: 300 }),
    fc.record({ a: fc.integer(), b: fc.option(fc.string()), c: fc.array(fc.double()) }, { noNullPrototype: true }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 8 }), async (sent, cuts) => {
      expect(await heard(Buffer.concat(sent.map(encodeMessage)), cuts)).toEqual(sent)
    }),
    { numRuns: 200 },
  )
})

test('bytes stay bytes, and undefined stays undefined', async () => {
  const sent = { bytes: Buffer.from('frame'), nothing: undefined }
  const [message] = (await heard(encodeMessage(sent), [])) as [typeof sent]
  expect(Buffer.isBuffer(message.bytes)).toBe(true)
  expect(message.bytes.toString()).toBe('frame')
  expect('nothing' in message).toBe(true)
})
