import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createApi } from './api.js'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function serverThat(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const context = { fetch: globalThis.fetch, signal: new AbortController().signal }

test("a problem's code, words and places reach the caller", async () => {
  const url = await serverThat((_, response) => {
    response.writeHead(422, { 'content-type': 'application/problem+json' })
    response.end(
      JSON.stringify({ code: 'invalid_request', detail: 'No.', errors: [{ path: '/name', message: 'is missing' }] }),
    )
  })
  await expect(createApi(url, 'k', context).request('POST', '/v1/workspaces', {})).rejects.toMatchObject({
    code: 'invalid_request',
    message: 'No.',
    errors: [{ path: '/name', message: 'is missing' }],
  })
})

test('a proxy that answers in its own words is understood by its status', async () => {
  const url = await serverThat((_, response) => response.writeHead(503).end('<html>'))
  await expect(createApi(url, 'k', context).request('GET', '/')).rejects.toMatchObject({ code: 'unavailable' })
})

test('something that is no Switchboard is told so', async () => {
  const url = await serverThat((_, response) => response.end('<html>'))
  await expect(createApi(url, 'k', context).request('GET', '/')).rejects.toMatchObject({
    hint: 'Is it a Switchboard server?',
  })
})

test('a list is read to its last page', async () => {
  const asked: (string | undefined)[] = []
  const url = await serverThat((request, response) => {
    asked.push(request.url)
    const more = asked.length < 3
    response.end(JSON.stringify({ items: [asked.length], has_more: more, continuation_token: more ? 't/1' : null }))
  })
  expect(await createApi(url, 'k', context).list('/x?status=active')).toEqual([1, 2, 3])
  expect(asked[1]).toBe('/x?status=active&limit=100&continuation_token=t%2F1')
})

test('nobody there is said in one line, with what to do', async () => {
  const url = await serverThat(() => {})
  closing.splice(0).forEach((close) => {
    close()
  })
  await expect(createApi(url, undefined, context).request('GET', '/')).rejects.toMatchObject({
    code: 'unavailable',
    message: `Nothing answers at ${url} (connection refused).`,
    hint: expect.stringContaining('switchboard serve'),
  })
})
