import { SwitchboardError } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { duplexPair } from '../../testing/duplex-pair.js'
import { ConfigError } from '../ops/config.js'
import { encodeNews, Line } from './line.js'

interface Here {
  readonly calls: {
    add(a: number, b: number): Promise<number>
    fail(how: string): Promise<never>
    never(): Promise<void>
  }
  readonly news: string
}
interface There {
  readonly calls: { echo(value: unknown): Promise<unknown> }
  readonly news: string
}

const failures: Readonly<Record<string, () => Error>> = {
  table: () =>
    new SwitchboardError('storage_full', 'no room', {
      retryAfterSeconds: 5,
      errors: [{ path: '/a', message: 'b' }],
      extra: { ids: ['1-1'] },
      cause: new Error('ENOSPC'),
    }),
  config: () => new ConfigError('PORT is taken'),
  bug: () => new TypeError('undefined is not'),
}

function lines() {
  const [near, far] = duplexPair()
  const heard: string[] = []
  const closed: string[] = []
  const here = new Line<Here, There>(near, {
    calls: {
      add: async (a, b) => {
        here.tell(`${a} and ${b}`)
        return a + b
      },
      fail: async (how) => {
        throw failures[how]?.()
      },
      never: () => new Promise(() => {}),
    },
    hear: (news) => heard.push(`here: ${news}`),
    onClose: () => closed.push('here'),
  })
  const there = new Line<There, Here>(far, {
    calls: { echo: async (value) => value },
    hear: (news) => heard.push(news),
    onClose: () => closed.push('there'),
  })
  return { here, there, heard, closed }
}

describe('a line', () => {
  test('carries asks both ways, each with its own answer', async () => {
    const { here, there } = lines()
    const sums = Array.from({ length: 50 }, (_, n) => there.ask('add', n, 1))
    expect(await here.ask('echo', [Buffer.from('x')])).toEqual([Buffer.from('x')])
    expect(await Promise.all(sums)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1))
  })

  test('is heard in the order in which it was said: what was told before an answer comes before it', async () => {
    const { here, there, heard } = lines()
    here.tell('first')
    here.tellFrame(encodeNews<Here>('second'))
    here.tell('third')
    await there.ask('add', 1, 2)
    expect(heard).toEqual(['first', 'second', 'third', '1 and 2'])
  })

  test('carries failures with all that a caller is told', async () => {
    const { there } = lines()
    const failure = await there.ask('fail', 'table').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(SwitchboardError)
    expect(failure).toMatchObject({
      code: 'storage_full',
      detail: 'no room',
      retryAfterSeconds: 5,
      errors: [{ path: '/a', message: 'b' }],
      extra: { ids: ['1-1'] },
      cause: { message: 'ENOSPC' },
    })
    await expect(there.ask('fail', 'config')).rejects.toThrow(ConfigError)
    await expect(there.ask('fail', 'bug')).rejects.toThrow('undefined is not')
  })

  test('refuses what cannot be sent, and nothing else that was said in the same turn', async () => {
    const { here } = lines()
    const [good, bad, other] = await Promise.allSettled([
      here.ask('echo', 1),
      here.ask('echo', () => {}),
      here.ask('echo', 2),
    ])
    expect([good, other]).toMatchObject([{ value: 1 }, { value: 2 }])
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'internal' } })
  })

  test('that ends fails what is still asked over it, and is told of at both ends', async () => {
    const { here, there, closed } = lines()
    const waiting = there.ask('never')
    here.cut()
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' })
    await expect(there.ask('add', 1, 1)).rejects.toMatchObject({ code: 'unavailable' })
    expect(closed.sort()).toEqual(['here', 'there'])
  })

  test('sends what was said before it ends', async () => {
    const { here, there, heard } = lines()
    here.tell('last words')
    here.end()
    await expect(there.ask('never')).rejects.toMatchObject({ code: 'unavailable' })
    expect(heard).toEqual(['last words'])
  })
})
