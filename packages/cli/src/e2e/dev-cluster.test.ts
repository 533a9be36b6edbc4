import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { build, type Running, User } from './cli.test-kit.js'

const reason = spawnSync('nats-server', ['--version']).status === 0 ? undefined : 'there is no nats-server on the PATH'
if (reason) console.log(`dev-cluster is not tested: ${reason}`)

/** Nodes that start on what they have kept elect their leaders first: 4 to 9 s, twice. */
const CLUSTER_MS_MAX = 120_000

interface Process {
  readonly name: string
  readonly url: string
  readonly pid: number
  readonly log: string
}

interface Ready {
  readonly gateways: readonly string[]
  readonly nats: readonly string[]
  readonly workspace_id: string
  readonly api_key: string
  readonly admin_key: string
}

/** All facts of one kind that were said so far. */
function facts<T>(cluster: Running, kind: string): readonly T[] {
  return cluster.lines.map((line) => JSON.parse(line)).flatMap((fact) => (kind in fact ? [fact[kind] as T] : []))
}

async function started(user: User, ...args: readonly string[]) {
  const cluster = user.start('dev-cluster', '--data-dir', user.data, '--port', '0', '--json', ...args)
  await cluster.until((each) => facts(each, 'ready').length === 1)
  const [ready] = facts<Ready>(cluster, 'ready')
  const gateways = facts<Process>(cluster, 'gateway')
  const nodes = facts<Process>(cluster, 'nats')
  const [one, two] = gateways
  if (ready === undefined || one === undefined || two === undefined) throw new Error('no cluster')
  return { cluster, ready, one, two, pids: [...gateways, ...nodes].map(({ pid }) => pid) }
}

const sync = (url: string, count: number): readonly string[] => [
  ...['publish', '--url', url, 'pipeline.sync_completed'],
  ...['data_source_id=ehr', `event_count=${count}`, 'duration_ms=1'],
]

async function countsAt(user: User, url: string, count: number): Promise<readonly number[]> {
  const tailed = await user.run('tail', '--url', url, '--since', '1h', '--count', String(count), '--json')
  return tailed.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).event.event_count)
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe.skipIf(reason)('dev-cluster', () => {
  beforeAll(build)

  test(
    'carries events from one gateway to the other, lives on without one, ends in order, and keeps all of it',
    async () => {
      const user = new User()
      const { cluster, ready, one, two, pids } = await started(user)
      expect(ready.gateways).toEqual([one.url, two.url])
      expect(ready.nats).toHaveLength(3)
      expect(facts(cluster, 'durable')).toEqual([expect.objectContaining({ synchronous: expect.any(Boolean) })])

      // Each gateway is known to the commands of this user.
      expect(await user.run(...sync(one.url, 1))).toMatchObject({ status: 0 })
      expect(await countsAt(user, two.url, 1)).toEqual([1])

      const second = await user.run('dev-cluster', '--data-dir', user.data, '--port', '0')
      expect(second).toMatchObject({ status: 75, stderr: expect.stringContaining('is held by another server') })

      process.kill(one.pid, 'SIGKILL')
      await cluster.until((each) => facts(each, 'died').length === 1)
      expect(facts(cluster, 'died')).toEqual([{ name: 'gateway-1', how: 'SIGKILL', log: one.log }])
      expect(await user.run(...sync(two.url, 2))).toMatchObject({ status: 0 })
      expect(await countsAt(user, two.url, 2)).toEqual([1, 2])

      expect(await cluster.kill('SIGTERM')).toMatchObject({ status: 0 })
      expect(pids.filter(isThere)).toEqual([])
      expect(facts(cluster, 'died')).toHaveLength(1)

      const again = await started(user)
      const { workspace_id, api_key, admin_key } = ready
      expect(again.ready).toMatchObject({ workspace_id, api_key, admin_key })
      expect(await countsAt(user, again.one.url, 2)).toEqual([1, 2])
      expect(await again.cluster.kill('SIGINT')).toMatchObject({ status: 0 })
    },
    CLUSTER_MS_MAX,
  )

  test(
    'leaves nothing running when it is killed without a chance to end it',
    async () => {
      const user = new User()
      const { cluster, pids } = await started(user, '--fast')
      expect(pids.every(isThere)).toBe(true)
      await cluster.kill('SIGKILL')
      await expect.poll(() => pids.filter(isThere), { timeout: 10_000 }).toEqual([])
    },
    CLUSTER_MS_MAX,
  )

  test('says which of its processes could not start, and why, and ends the others', async () => {
    const user = new User()
    // The next nodes take the ports behind it: below those that other tests and outgoing connections are given.
    const port = randomInt(10_000, 14_990)
    const taken = createServer().listen(port, '127.0.0.1')
    onTestFinished(() => void taken.close())
    await once(taken, 'listening')
    const args = ['--data-dir', user.data, '--port', '0', '--nats-port', String(port), '--fast']
    const { stderr, status } = await user.run('dev-cluster', ...args)
    expect(status).toBe(75)
    expect(stderr).toMatch(/nats-1 ended with exit status 1\. Its log, .*nats-1\.log, ends: .*address already in use/)
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  test('that is not wanted any more while it starts leaves nothing running', async () => {
    const user = new User()
    const cluster = user.start('dev-cluster', '--data-dir', user.data, '--port', '0', '--fast')
    await cluster.until(({ stderr }) => stderr.includes('NATS nodes'))
    expect(await cluster.kill('SIGTERM')).toMatchObject({ status: 143 })
    const { stdout } = spawnSync('ps', ['-ax', '-o', 'args'], { encoding: 'utf8' })
    expect(stdout.split('\n').filter((args) => args.includes(user.data))).toEqual([])
  })
})
