import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { createStrangers, type StrangerLimit } from './strangers.js'

class FakeSocket extends EventEmitter {
  destroyed = false
  constructor(
    readonly remoteAddress: string,
    readonly remotePort: number,
  ) {
    super()
  }
  destroy(): this {
    this.destroyed = true
    this.emit('close')
    return this
  }
}

function bench(perAddressMax: number, max: number) {
  const cuts: StrangerLimit[] = []
  const strangers = createStrangers({
    perAddressMax,
    max,
    trust: (address) => address === '10.0.0.1',
    onCut: (limit) => cuts.push(limit),
  })
  let port = 0
  const meet = (address: string): FakeSocket => {
    const socket = new FakeSocket(address, ++port)
    strangers.met(socket as never)
    return socket
  }
  return { strangers, cuts, meet }
}

test('one too many of an address cuts the one of them that has waited longest, and nobody else', () => {
  const { strangers, cuts, meet } = bench(2, 10)
  const other = meet('192.0.2.9')
  const [first, second, third] = [meet('192.0.2.1'), meet('192.0.2.1'), meet('192.0.2.1')]
  expect([other, first, second, third].map(({ destroyed }) => destroyed)).toEqual([false, true, false, false])
  expect(cuts).toEqual(['address'])
  expect(strangers.count()).toBe(3)
})

test('addresses of one IPv6 network count together', () => {
  const { cuts, meet } = bench(2, 10)
  for (const end of [1, 2, 3]) meet(`2001:db8::${end}`)
  meet('2001:db8:0:1::1')
  expect(cuts).toEqual(['address'])
})

test('who has shown a credential counts no more, and is never cut', () => {
  const { strangers, cuts, meet } = bench(2, 3)
  const friends = Array.from({ length: 20 }, () => {
    const friend = meet('192.0.2.1')
    strangers.known({ remoteAddress: friend.remoteAddress, remotePort: friend.remotePort })
    return friend
  })
  for (let index = 0; index < 50; index += 1) meet('192.0.2.1')
  expect(friends.some(({ destroyed }) => destroyed)).toBe(false)
  expect(cuts).toHaveLength(48)
})

test('a trusted proxy brings many: only all together are bounded', () => {
  const { cuts, meet } = bench(2, 5)
  for (let index = 0; index < 5; index += 1) meet('10.0.0.1')
  expect(cuts).toEqual([])
  meet('10.0.0.1')
  expect(cuts).toEqual(['all'])
})

test('who leaves makes room, and nothing is remembered of it', () => {
  const { strangers, cuts, meet } = bench(1, 10)
  for (let index = 0; index < 5; index += 1) meet('192.0.2.1').destroy()
  expect(cuts).toEqual([])
  expect(strangers.count()).toBe(0)
})

test('a connection that is put back to be read again is still one', () => {
  const { strangers, meet } = bench(1, 10)
  const socket = meet('192.0.2.1')
  strangers.met(socket as never)
  expect([strangers.count(), socket.destroyed]).toEqual([1, false])
})
