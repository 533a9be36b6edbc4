import { describe, expect, test } from 'vitest'
import { createLogger, logRequest } from './logging.js'
import { loggedPath } from './scrub.js'

const KEY = 'sb_abc123_canarycanarycanarycanary'
const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOjF9.canarysignature'

function logged(options: { readable?: boolean } = {}) {
  const lines: string[] = []
  const logger = createLogger({ level: 'debug', sink: { write: (line) => lines.push(line) }, ...options })
  return { logger, lines, text: () => lines.join('') }
}

describe('a log line', () => {
  test('is one JSON object with its level, time and members', () => {
    const { logger, lines } = logged()
    logger.info({ port: 8080 }, 'listening')
    expect(lines).toHaveLength(1)
    expect(lines[0]?.endsWith('\n')).toBe(true)
    const { time, ...rest } = JSON.parse(lines[0] ?? '')
    expect(rest).toEqual({ level: 'info', port: 8080, msg: 'listening' })
    expect(new Date(time).toISOString()).toBe(time)
  })

  test('never holds a secret, wherever it stood', () => {
    const { logger, text } = logged()
    logger.info({
      headers: { Authorization: `Bearer ${KEY}`, 'Sec-WebSocket-Protocol': `auth, ${TOKEN}`, Cookie: 'canary' },
    })
    logger.info({ a: { b: [{ access_token: TOKEN, apiKey: 'canary', admin_key: 'canary', auth_token: 'canary' }] } })
    logger.info(`opened /v1/x/events/stream?access_token=${TOKEN}&types=a with Bearer canary-canary and ${KEY}`)
    logger.info({ url: '/x?access_token=canary#y' })
    logger.child({ token: 'canary', note: KEY }).info('child')
    logger.error(new Error(`refused ${KEY}`, { cause: new Error(TOKEN) }))
    logger.child({ token: 'ca"nary canary' }).info('another')
    logger.error({ err: Object.assign(new Error('failed'), { request: { body: 'canary' } }) })
    expect(text()).not.toContain('canary')
    expect(text()).toContain('sb_abc123_[redacted]')
    expect(text()).toContain('types=a')
  })

  test('shows little of requests and of things that are no plain data', () => {
    const { logger, lines } = logged()
    class Request {
      readonly secretThing = 'canary'
      readonly method = 'GET'
      get url() {
        return `/v1/x?access_token=canary&q=canary`
      }
    }
    logger.info({
      req: new Request(),
      other: new Request(),
      map: new Map([['a', 'canary']]),
      bytes: Buffer.from('canary'),
    })
    const line = JSON.parse(lines[0] ?? '')
    expect(line.req).toEqual({ method: 'GET', path: '/v1/x?access_token=[redacted]&q=…' })
    expect(line.other).toBe('[Request]')
    expect(lines[0]).not.toContain('canary')
  })

  test('bears what is deep, long, circular or odd', () => {
    const { logger, lines } = logged()
    const circle: Record<string, unknown> = {}
    circle.self = circle
    logger.info({ circle, long: 'x'.repeat(100_000), date: new Date(0), none: null, nothing: undefined, big: 1n })
    expect(lines[0]?.length).toBeLessThan(5000)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ date: '1970-01-01T00:00:00.000Z', none: null })
  })

  const HOSTILE = 'a\r\n{"level":"error","msg":"forged"}\u001b[2J\u007f\u009b31m\u2028\u202eevil\u0000'

  test('cannot be ended, forged or made to steer a terminal by what a stranger sent', () => {
    const { logger, lines } = logged()
    logger.info({ path: HOSTILE, [HOSTILE]: 1 }, HOSTILE)
    expect(lines).toHaveLength(1)
    expect(lines[0]?.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/)
    // What was sent is still there to be read.
    expect(JSON.parse(lines[0] ?? '').path).toBe(HOSTILE)
  })

  test('that is made for people holds no control signs of strangers either', () => {
    const { logger, lines } = logged({ readable: true })
    logger.info({ path: HOSTILE, [HOSTILE]: 1, note: KEY }, HOSTILE)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('INFO')
    expect(lines[0]?.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/)
    expect(lines[0]).not.toContain('canary')
  })

  test('of an error shows its stack, to people in several lines', () => {
    const { logger, text } = logged({ readable: true })
    logger.error({ err: new Error('broken') }, 'failed')
    expect(text()).toContain('broken')
    expect(text()).toMatch(/\n +at .*logging\.test\.ts/)
  })

  test('is left out below the level', () => {
    const { logger, lines } = logged()
    logger.level = 'warn'
    logger.info('quiet')
    expect(lines).toEqual([])
  })
})

test('a request is told in one line with its route, and loudly only when the server failed', () => {
  const { logger, lines } = logged()
  const line = { method: 'GET', route: '/v1/:workspace_id/events', status: 200, ms: 1.2345, requestId: 'r1' }
  logRequest(logger, line)
  logRequest(logger, { ...line, route: undefined, status: 503 })
  const [fine, failed] = lines.map((text) => JSON.parse(text))
  expect(fine).toMatchObject({
    level: 'debug',
    msg: 'request',
    method: 'GET',
    route: '/v1/:workspace_id/events',
    status: 200,
    ms: 1.2,
    request_id: 'r1',
  })
  expect(failed).toMatchObject({ level: 'warn', route: 'none', status: 503 })
})

test.each([
  ['/a/b', '/a/b'],
  ['/a?', '/a'],
  ['/a?b=c&d=e', '/a?b=…&d=…'],
  ['/a?b', '/a?b=…'],
  ['/a?b=c?d=e', '/a?b=…'],
])('the logged path of %s is %s', (url, path) => {
  expect(loggedPath(url)).toBe(path)
})
