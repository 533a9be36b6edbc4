import { describe, expect, test } from 'vitest'
import { type Parsed, parse } from './program.js'

async function jobOf(line: string): Promise<{ name: string; options: unknown }> {
  const parsed = await parse(words(line), { version: '1.2.3' })
  if (parsed.kind !== 'job') throw new Error(`said instead: ${parsed.stderr}${parsed.stdout}`)
  return { name: parsed.job.name, options: parsed.job.options }
}

async function saidOf(line: string): Promise<Extract<Parsed, { kind: 'said' }>> {
  const parsed = await parse(words(line), { version: '1.2.3' })
  if (parsed.kind !== 'said') throw new Error(`a job instead: ${parsed.job.name}`)
  return parsed
}

/** Words of a line, with `'…'` around those that hold spaces. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}

const FILTER = { types: [], callSid: [], surfaceId: [], entityId: [], operatorId: [], dataSourceId: [] }
const TAIL = { target: {}, filter: FILTER, since: undefined, after: undefined, count: undefined, json: false }
const SIMULATE = {
  target: {},
  callsPerMinute: 12,
  seed: undefined,
  durationMs: undefined,
  speed: 1,
  print: false,
  json: false,
}

const DEV_CLUSTER = {
  gateways: 2,
  dataDir: './data/dev-cluster',
  port: 8080,
  natsPort: 0,
  fast: false,
  json: false,
}

describe('a command line becomes a value', () => {
  test.each<readonly [line: string, name: string, options: unknown]>([
    ['tail', 'tail', TAIL],
    [
      'tail -t call.*,surface.opened --call-sid CA1 --call-sid CA2,CA1 --json',
      'tail',
      { ...TAIL, filter: { ...FILTER, types: ['call.*', 'surface.opened'], callSid: ['CA1', 'CA2'] }, json: true },
    ],
    ['tail --since 1h30m -n 5', 'tail', { ...TAIL, since: '5400s', count: 5 }],
    ['tail --after 1763788800123-42 --no-color', 'tail', { ...TAIL, after: '1763788800123-42' }],
    [
      'tail --url http://localhost:9000/ --key k -w main',
      'tail',
      { ...TAIL, target: { url: 'http://localhost:9000', key: 'k', workspace: 'main' } },
    ],
    ['observe', 'observe', { target: {}, call: 'latest', history: 'all', after: undefined, json: false }],
    [
      'observe CA1 --history none',
      'observe',
      { target: {}, call: 'CA1', history: 'none', after: undefined, json: false },
    ],
    ['simulate', 'simulate', SIMULATE],
    [
      'simulate --calls-per-minute 0.5 --seed 7 --duration 10m --speed max --print',
      'simulate',
      {
        ...SIMULATE,
        callsPerMinute: 0.5,
        seed: 7,
        durationMs: 600_000,
        speed: Number.POSITIVE_INFINITY,
        print: true,
      },
    ],
    [
      'backup /b --data-dir /d --without-keys',
      'backup',
      { target: '/b', withoutKeys: true, acceptDamage: false, json: false, flags: { dataDir: '/d' } },
    ],
    ['backup verify /b --json', 'backup verify', { folder: '/b', json: true }],
    ['restore /b --data-dir /d', 'restore', { source: '/b', json: false, flags: { dataDir: '/d' } }],
    ['replay a.jsonl --speed 2.5x', 'replay', { target: {}, file: 'a.jsonl', speed: 2.5, json: false }],
    [
      "publish call.started call_sid=CA1 'reason=a = b' n:=3",
      'publish',
      {
        target: {},
        call: undefined,
        source: {
          kind: 'fields',
          type: 'call.started',
          fields: [
            { name: 'call_sid', value: 'CA1', json: false },
            { name: 'reason', value: 'a = b', json: false },
            { name: 'n', value: '3', json: true },
          ],
        },
        idempotencyKey: undefined,
        print: false,
        json: false,
      },
    ],
    ...[
      '--example surface.created channel=sms',
      'surface.created --example channel=sms',
      'surface.created channel=sms --example',
    ].map(
      (line) =>
        [
          `publish ${line}`,
          'publish',
          {
            target: {},
            call: undefined,
            source: {
              kind: 'example',
              type: 'surface.created',
              fields: [{ name: 'channel', value: 'sms', json: false }],
            },
            idempotencyKey: undefined,
            print: false,
            json: false,
          },
        ] as const,
    ),
    [
      'publish - --call CA1 --idempotency-key k1',
      'publish',
      {
        target: {},
        call: 'CA1',
        source: { kind: 'file', path: '-' },
        idempotencyKey: 'k1',
        print: false,
        json: false,
      },
    ],
    [
      "workspaces create 'Harbor Clinic (Nörd)'",
      'workspaces create',
      {
        target: {},
        json: false,
        name: 'Harbor Clinic (Nörd)',
        slug: 'harbor-clinic-nord',
        extraFields: 'refuse',
        use: false,
      },
    ],
    [
      'keys create --name app -p events:read,calls:observe -p events:read --days 90',
      'keys create',
      { target: {}, json: false, name: 'app', permissions: ['events:read', 'calls:observe'], days: 90, shell: false },
    ],
    ['keys revoke sb_abc123_secret', 'keys revoke', { target: {}, json: false, keyId: 'abc123' }],
    [
      'token create --call-sid CA1 --ttl 1h',
      'token create',
      {
        target: {},
        json: false,
        permissions: ['events:read', 'calls:observe'],
        callSids: ['CA1'],
        ttlSeconds: 3600,
        link: false,
      },
    ],
    [
      'token create --call-sid CA1 --link',
      'token create',
      {
        target: {},
        json: false,
        permissions: ['calls:observe'],
        callSids: ['CA1'],
        ttlSeconds: 900,
        link: true,
      },
    ],
    [
      'serve --port 0 --retention 2h --json --bare',
      'serve',
      { flags: { port: '0', retentionMs: '2h' }, json: true, bare: true },
    ],
    ['dev-cluster', 'dev-cluster', DEV_CLUSTER],
    [
      'dev-cluster --gateways 3 --port 9000 --nats-port 4222 --data-dir d --fast --json',
      'dev-cluster',
      { gateways: 3, dataDir: 'd', port: 9000, natsPort: 4222, fast: true, json: true },
    ],
    ['doctor --round-trip', 'doctor', { target: {}, roundTrip: true, json: false, settings: {} }],
  ])('%s', async (line, name, options) => {
    expect(await jobOf(line)).toEqual({ name, options })
  })
})

describe('a mistake is named, with what would be accepted', () => {
  test.each<readonly [line: string, said: RegExp]>([
    ['tial', /unknown command 'tial'\n\(Did you mean tail\?\)/],
    ['tail --jsn', /unknown option '--jsn'\n\(Did you mean --json\?\)/],
    ['tail --since yesterday', /'yesterday' is invalid. Give a duration such as 15m, or a time/],
    ['tail --since 1h --after 5-5', /cannot be used with/],
    ['tail --after nonsense', /Give a position such as 1763788800123-42/],
    ['tail --count 0', /Give a whole number from 1 to/],
    ['tail --types call.*,', /A name between two commas is missing/],
    ['tail --url localhost:8080', /Give an address such as http/],
    ['tail --url http://me:secret@localhost', /must not hold a password/],
    ['observe CA1 --history some', /Allowed choices are all, none/],
    ['simulate --speed 0', /Give a number above 0, such as 1, 0.5 or 20, or the word max/],
    ['simulate --calls-per-minute -3', /Give a number above 0, up to 6000/],
    ['simulate --duration 5', /Give a duration such as 30s/],
    ['replay', /missing required argument 'file'/],
    ['publish', /What should be published\?/],
    ['publish call.started call_sid', /"call_sid" is not a field/],
    ['publish call.started --file x.json', /from a file or from the command line, not from both/],
    ['keys create', /required option '--name <name>' not specified/],
    ['keys create --name a -p events:raed', /There is no permission events:raed. There are: events:read/],
    ['keys create --name a --env --json', /option '--json' cannot be used with option '--env'/],
    ['token create --ttl 2h', /Give 1s to 60m/],
    ['dev-cluster --gateways 0', /Give a whole number from 1 to 16/],
    [
      'dev-cluster --port 65535',
      /--port is 65535, and 2 processes need ports from there on; accepted: up to 65534, or 0/,
    ],
    ['dev-cluster --nats-port 65534', /--nats-port is 65534, and 3 processes .* up to 65533/],
    ['workspaces create x --slug Not-A-Slug', /lower-case letters, digits and hyphens/],
  ])('%s', async (line, said) => {
    const { stderr, exit, stdout } = await saidOf(line)
    expect(stderr).toMatch(said)
    expect(stdout).toBe('')
    expect(exit).toBe(2)
  })

  test('nothing at all shows the help, and is a mistake', async () => {
    const { stdout, stderr, exit } = await saidOf('')
    expect(stdout + stderr).toContain('switchboard serve')
    expect(exit).toBe(2)
  })
})

describe('help', () => {
  test.each('tail observe publish replay simulate serve workspaces keys token doctor'.split(' '))(
    'of %s teaches with examples and exits with 0',
    async (command) => {
      const { stdout, exit } = await saidOf(`${command} --help`)
      expect(stdout).toContain(`Usage: switchboard ${command}`)
      expect(stdout).toContain('Examples:')
      expect(stdout).toContain(`$ switchboard ${command}`)
      expect(exit).toBe(0)
    },
  )

  test('names every command', async () => {
    const { stdout, exit } = await saidOf('--help')
    for (const command of 'serve tail observe publish replay simulate workspaces keys token doctor'.split(' ')) {
      expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'))
    }
    expect(exit).toBe(0)
  })

  test('--version prints the version alone', async () => {
    expect(await saidOf('--version')).toMatchObject({ stdout: '1.2.3\n', exit: 0 })
  })
})
