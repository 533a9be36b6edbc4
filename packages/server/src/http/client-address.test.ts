import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import { clientAddress, trustOf } from './client-address.js'

function from(remoteAddress: string, forwarded?: string): Pick<IncomingMessage, 'headers' | 'socket'> {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  return { headers, socket: { remoteAddress } as IncomingMessage['socket'] }
}

describe('the address of a client', () => {
  test.each([
    ['nobody is believed', false, '10.0.0.1', '203.0.113.9', '10.0.0.1'],
    ['everybody is', true, '10.0.0.1', '203.0.113.9, 10.0.0.2', '203.0.113.9'],
    ['there is one proxy', 1, '10.0.0.1', '198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['there are two', 2, '10.0.0.1', '198.51.100.1, 203.0.113.9', '198.51.100.1'],
    ['there are more proxies than names', 9, '10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['a network is', ['10.0.0.0/8'], '10.0.0.1', '198.51.100.1, 203.0.113.9, 10.9.9.9', '203.0.113.9'],
    ['another network is', ['192.0.2.0/24'], '10.0.0.1', '203.0.113.9', '10.0.0.1'],
    ['a named network is', ['loopback'], '::1', '203.0.113.9', '203.0.113.9'],
    ['an address comes over IPv6', ['127.0.0.1'], '::ffff:127.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['it is IPv6', ['fc00::/7'], 'fd00::1', '2001:db8::1', '2001:db8::1'],
    ['what was forwarded is no address', ['loopback'], '127.0.0.1', 'unknown', 'unknown'],
    ['nothing was forwarded', true, '203.0.113.9', undefined, '203.0.113.9'],
  ] as const)('when %s', (_, setting, remote, forwarded, expected) => {
    expect(clientAddress(from(remote, forwarded), trustOf(setting))).toBe(expected)
  })
})
