import { expect, test } from 'vitest'
import { fuzzHttp } from '../fuzz/http/http.js'
import { TestServer } from '../kit.js'

/** Each operation about forty times, and thrice as often with a body. `npm run fuzz -- --target http` goes on from there. */
const REQUESTS = 2000

test('whatever is asked, each answer is one that the OpenAPI document has, and says what is wrong where', async () => {
  const server = await TestServer.start()
  const { statuses, faults } = await fuzzHttp(server, '1', (requests) => requests >= REQUESTS)
  expect(faults.join('\n\n')).toBe('')
  // It would be no wonder if everything were refused for one reason.
  const operations = [...statuses]
  expect(operations.length).toBeGreaterThan(30)
  const served = operations.filter(([, counts]) => [...counts.keys()].some((status) => status < 300))
  expect(served.length).toBeGreaterThan(operations.length * 0.8)
})
