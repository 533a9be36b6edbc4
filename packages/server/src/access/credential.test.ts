import { describe, expect, test } from 'vitest'
import { expectFailure } from './access.test-kit.js'
import { readCredential } from './credential.js'

const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln'
const KEY = 'sb_abc_canarycanarycanary'

describe('the credential of a request', () => {
  test('is what follows Bearer, in any case', () => {
    for (const authorization of [`Bearer ${KEY}`, `bearer ${KEY}`, `BEARER   ${KEY} `]) {
      expect(readCredential({ authorization }, {})).toBe(KEY)
    }
    expect(readCredential({}, {})).toBeUndefined()
    expect(readCredential({}, undefined)).toBeUndefined()
  })

  test('in another form of the header is refused, and not repeated', async () => {
    for (const authorization of ['', 'Bearer', 'Bearer ', `Basic ${KEY}`, KEY, `Bearer ${KEY} ${KEY}`]) {
      const failure = await expectFailure('unauthenticated', () => readCredential({ authorization }, {}))
      expect(failure.message).not.toContain('canary')
    }
  })

  test('may be an access token in the query, where a route allows that', async () => {
    expect(readCredential({}, { access_token: TOKEN }, { allowQueryToken: true })).toBe(TOKEN)
    const failure = await expectFailure('unauthenticated', () => readCredential({}, { access_token: TOKEN }))
    expect(failure.detail).toContain('Authorization')
  })

  test('in the header wins over the query', () => {
    const headers = { authorization: `Bearer ${KEY}` }
    expect(readCredential(headers, { access_token: TOKEN }, { allowQueryToken: true })).toBe(KEY)
  })

  test('is never an API key in the query: the refusal says so and does not repeat it', async () => {
    for (const access_token of [KEY, 'an-admin-key-canary', '', ['a', 'b'], [TOKEN, TOKEN]]) {
      for (const headers of [{}, { authorization: `Bearer ${KEY}` }]) {
        const failure = await expectFailure('unauthenticated', () =>
          readCredential(headers, { access_token }, { allowQueryToken: true }),
        )
        expect(failure.detail).toContain('never an API key')
        expect(failure.detail).not.toContain('canary')
      }
    }
  })
})
