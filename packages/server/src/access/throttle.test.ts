import { limits } from '@switchboard/contract'
import { expect, test } from 'vitest'
import { expectFailure, HandClock } from './access.test-kit.js'
import { createThrottle, networkOf } from './throttle.js'

function exhaust(throttle: { failed(address: string): void }, address: string): void {
  for (let failed = 0; failed < limits.failedCredentialsPerMinute; failed += 1) throttle.failed(address)
}

test('refusals do not make the wait longer', async () => {
  const clock = new HandClock()
  const throttle = createThrottle(clock)
  exhaust(throttle, 'a')
  for (let second = 0; second < 59; second += 1) {
    clock.forward(1000)
    const failure = await expectFailure('rate_limited', () => throttle.failed('a'))
    expect(failure.retryAfterSeconds).toBe(59 - second)
  }
  clock.forward(1000)
  throttle.failed('a')
})

test('addresses of one IPv6 network count together, and those of two do not', async () => {
  const throttle = createThrottle(new HandClock())
  exhaust(throttle, '2001:db8:1:2::1')
  await expectFailure('rate_limited', () => throttle.failed('2001:db8:1:2:ffff:1:2:3'))
  throttle.failed('2001:db8:1:3::1')
})

test.each([
  ['198.51.100.7', '198.51.100.7'],
  ['::ffff:198.51.100.7', '198.51.100.7'],
  ['::1', '0:0:0:0'],
  ['::', '0:0:0:0'],
  ['2001:db8::', '2001:db8:0:0'],
  ['2001:DB8:0:0:1::1', '2001:db8:0:0'],
  ['2001:0db8:0000:0001:0:0:0:1', '2001:db8:0:1'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0'],
  ['not an address', 'not an address'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})

test('it remembers a bounded number of addresses', () => {
  const clock = new HandClock()
  const throttle = createThrottle(clock)
  exhaust(throttle, 'first')
  for (let address = 0; address < 100_000; address += 1) throttle.failed(`a${address}`)
  // The oldest was forgotten, and so counts from one again.
  throttle.failed('first')
})
