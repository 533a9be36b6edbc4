import { describe, expect, test } from 'vitest'
import { ConfigError, configWarnings, readConfig, requireOneMachine } from './config.js'
import { type SettingName, settingList } from './settings.js'

const DAY_MS = 24 * 60 * 60 * 1000
const SECRET = 'canary-canary-canary-canary-canary'

function refusal(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('It should have been refused')
}

test('with nothing set, everything has the value that the table says', () => {
  expect(readConfig({})).toEqual({
    port: 8080,
    host: '127.0.0.1',
    dataDir: './data',
    workers: 1,
    natsUrl: undefined,
    natsReplicas: undefined,
    natsPartitions: 1,
    natsFollow: undefined,
    natsCredentials: undefined,
    natsCa: undefined,
    natsMonitor: undefined,
    adminKey: undefined,
    sealingKey: undefined,
    retentionMs: 7 * DAY_MS,
    auditRetentionMs: 400 * DAY_MS,
    maxStreamsPerWorkspace: 1000,
    maxStreamsPerKey: undefined,
    maxStrangersPerAddress: 4096,
    maxStrangers: 16_384,
    heartbeatMs: 15_000,
    allowedOrigins: undefined,
    catalogue: undefined,
    publishRate: undefined,
    logLevel: 'info',
    publicUrl: undefined,
    trustProxy: false,
    drainMs: 10_000,
  })
})

/** For every setting: texts that are accepted with their values, and texts that are not. */
const cases: Record<SettingName, { good: readonly (readonly [string, unknown])[]; bad: readonly string[] }> = {
  port: {
    good: [
      ['0', 0],
      ['65535', 65535],
    ],
    bad: ['-1', '65536', '80a', '8080.5', '0x50', ' 80', 'http'],
  },
  host: {
    good: [
      ['0.0.0.0', '0.0.0.0'],
      ['::1', '::1'],
      ['localhost', 'localhost'],
    ],
    bad: ['a b', 'localhost:80', 'http://x', '[::1]'],
  },
  tlsCert: { good: [['/etc/ssl/a.crt', '/etc/ssl/a.crt']], bad: ['a\0b'] },
  tlsKey: { good: [['/etc/ssl/a.key', '/etc/ssl/a.key']], bad: ['a\0b'] },
  dataDir: { good: [['/srv/a b', '/srv/a b']], bad: ['a\0b'] },
  workers: {
    good: [
      ['1', 1],
      ['64', 64],
    ],
    bad: ['0', '65', 'all', '2.5'],
  },
  natsUrl: {
    good: [['nats://a:4222, tls://b', ['nats://a:4222', 'tls://b']]],
    bad: ['a:4222', 'http://a', 'wss://a', 'nats://a,', `nats://u:${SECRET}@a,x`],
  },
  natsReplicas: { good: [['3', 3]], bad: ['0', '6', 'three'] },
  natsPartitions: { good: [['16', 16]], bad: ['0', '1025', '1,2'] },
  natsFollow: {
    good: [
      ['0', [0]],
      ['3, 5', [3, 5]],
    ],
    bad: ['-1', '1024', 'all', '1,', '0-3'],
  },
  natsCredentials: { good: [['/etc/nats/gateway.creds', '/etc/nats/gateway.creds']], bad: ['a\0b'] },
  natsCa: { good: [['/etc/nats/ca.pem', '/etc/nats/ca.pem']], bad: ['a\0b'] },
  natsMonitor: {
    good: [['http://10.0.0.1:8222, https://b/', ['http://10.0.0.1:8222', 'https://b']]],
    bad: ['10.0.0.1:8222', 'nats://a', 'http://a,', 'http://a/?b=c'],
  },
  adminKey: { good: [[SECRET, SECRET]], bad: ['short', `${SECRET} ${SECRET}`, `${SECRET}é`, SECRET.repeat(100)] },
  sealingKey: {
    good: [[`${'A'.repeat(42)}E=`, `${'A'.repeat(42)}E=`]],
    bad: ['A'.repeat(43), `${'A'.repeat(44)}`, `${'A'.repeat(42)}F=`, `${'-'.repeat(42)}A=`, 'ab'.repeat(32)],
  },
  retentionMs: {
    good: [
      ['7d', 7 * DAY_MS],
      ['12h', DAY_MS / 2],
      ['30m', 1_800_000],
      ['1500ms', 1500],
    ],
    bad: ['7', '7 d', '7w', '-1d', '0d', '1.5h', '99999999d', 'forever'],
  },
  auditRetentionMs: { good: [['3650d', 3650 * DAY_MS]], bad: ['0d', '4000d', 'for good'] },
  maxStreamsPerWorkspace: { good: [['1', 1]], bad: ['0', 'many', '1e3'] },
  maxStreamsPerKey: { good: [['1', 1]], bad: ['0', 'many', '1e3'] },
  maxStrangersPerAddress: { good: [['1', 1]], bad: ['0', 'many', '1e3'] },
  maxStrangers: { good: [['1', 1]], bad: ['0', 'many', '1e3'] },
  heartbeatMs: {
    good: [
      ['200ms', 200],
      ['40s', 40_000],
    ],
    bad: ['0s', '2m', '15'],
  },
  allowedOrigins: {
    good: [['https://a.example, http://localhost:5173', ['https://a.example', 'http://localhost:5173']]],
    bad: [
      '*',
      'a.example',
      'https://a.example/',
      'https://A.example',
      'https://a.example:443',
      'null',
      'https://*.a.example',
    ],
  },
  catalogue: { good: [['types.json', 'types.json']], bad: ['a\0b'] },
  publishRate: { good: [['500', 500]], bad: ['0', '-1', '1.5'] },
  logLevel: {
    good: [
      ['debug', 'debug'],
      ['silent', 'silent'],
    ],
    bad: ['verbose', 'INFO'],
  },
  publicUrl: {
    good: [
      ['https://e.example', 'https://e.example'],
      ['https://e.example/base/', 'https://e.example/base'],
    ],
    bad: [
      'e.example',
      'ftp://e.example',
      `https://u:${SECRET}@e.example`,
      'https://e.example/?a=b',
      'https://e.example/#a',
    ],
  },
  trustProxy: {
    good: [
      ['off', false],
      ['on', true],
      ['2', 2],
      ['10.0.0.0/8, ::1', ['10.0.0.0/8', '::1']],
      ['loopback', ['loopback']],
    ],
    bad: ['maybe', '10.0.0.0/33', '10', 'proxy.example', '10.0.0.0/8,'],
  },
  drainMs: {
    good: [
      ['0s', 0],
      ['30s', 30_000],
    ],
    bad: ['11m', '30'],
  },
}

describe.each(settingList)('$variable', ({ name, variable, flag, accepted, secret }) => {
  test.each(cases[name].good)('takes %j', (text, value) => {
    expect(readConfig({ [variable]: text })[name]).toEqual(value)
    expect(readConfig({}, { [name]: text })[name]).toEqual(value)
  })

  test.each(cases[name].bad)('refuses %j in one line that says what would do', (text) => {
    const message = refusal(() => readConfig({ [variable]: text }))
    expect(message.startsWith(`${variable} `)).toBe(true)
    expect(message.endsWith(`accepted: ${accepted}`)).toBe(true)
    expect(message).not.toMatch(/[\n\0]/)
    if (secret) expect(message).not.toContain(text)
    else expect(message).toContain(JSON.stringify(text))
    expect(refusal(() => readConfig({}, { [name]: text })).startsWith(`${flag} `)).toBe(true)
  })
})

test('a flag wins over its variable, and an empty variable counts as not set', () => {
  expect(readConfig({ PORT: '1' }, { port: '2' }).port).toBe(2)
  expect(readConfig({ PORT: '1' }, { port: undefined }).port).toBe(1)
  expect(readConfig({ PORT: '', SWITCHBOARD_ADMIN_KEY: '' })).toMatchObject({ port: 8080, adminKey: undefined })
  expect(refusal(() => readConfig({}, { port: '' }))).toContain('--port is ""')
})

test('a wrong value cannot fill the line or steer the terminal', () => {
  const message = refusal(() => readConfig({ PORT: `\u001b[2J\n\u202e${'x'.repeat(5000)}` }))
  expect(message.length).toBeLessThan(200)
  expect(message).not.toMatch(/[\u0000-\u001f\u202e]/)
})

test('every row says what it means, and no two share a variable or a flag', () => {
  for (const { variable, flag, meaning, preset, otherwise } of settingList) {
    expect(variable).toMatch(/^(PORT|HOST|SWITCHBOARD_[A-Z_]+)$/)
    expect(flag).toMatch(/^--[a-z-]+$/)
    expect(meaning).toMatch(/\.$/)
    expect(preset ?? otherwise ?? '', variable).not.toBe('')
  }
  expect(new Set(settingList.map(({ variable }) => variable)).size).toBe(settingList.length)
  expect(new Set(settingList.map(({ flag }) => flag)).size).toBe(settingList.length)
})

test('a variable that means nothing is warned of, with the nearest that does', () => {
  const env = {
    SWITCHBOARD_RETENSION: '7d',
    SWITCHBOARD_URL: 'http://x',
    SWITCHBOARD_API_KEY: SECRET,
    SWITCHBOARD_ZZZZZZZZZZZZ: SECRET,
    SWITCHBOARD_PORT: '80',
    PATH: '/bin',
  }
  const warnings = configWarnings(env, readConfig(env))
  expect(warnings).toHaveLength(3)
  expect(warnings[0]).toContain('did you mean SWITCHBOARD_RETENTION?')
  expect(warnings[2]).toContain('did you mean PORT?')
  expect(warnings.join()).not.toContain(SECRET)
})

test('workers share a file, so there are none with JetStream', () => {
  const nats = { SWITCHBOARD_NATS_URL: `nats://u:${SECRET}@a:4222` }
  const message = refusal(() => requireOneMachine(readConfig({ ...nats, SWITCHBOARD_WORKERS: '2' })))
  expect(message).toMatch(/^SWITCHBOARD_WORKERS is 2, and SWITCHBOARD_NATS_URL is set: .*; accepted: 1 with JetStream/)
  expect(message).not.toContain(SECRET)
  requireOneMachine(readConfig(nats))
  requireOneMachine(readConfig({ SWITCHBOARD_WORKERS: '2' }))
})

test('settings without effect, or with too much, are warned of', () => {
  const env = { SWITCHBOARD_NATS_REPLICAS: '3', SWITCHBOARD_TRUST_PROXY: 'on' }
  expect(configWarnings(env, readConfig(env))).toHaveLength(2)
  expect(configWarnings({}, readConfig({}))).toEqual([])
})
