import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { failures, parseCustomCatalogue } from '@switchboard/contract'
import { describe, expect, test } from 'vitest'
import { parse } from '../packages/cli/src/program.js'
import { reconnectPolicy } from '../packages/sdk/src/connection-state.js'
import { metricTable } from '../packages/server/src/ops/metric-table.js'
import { settingList } from '../packages/server/src/ops/settings.js'
import { root } from './kit.js'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Pages by their path from the root: those at the root, those of docs/, and the packages' own. */
const pages: readonly string[] = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...markdownBelow('docs'),
  ...readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}/README.md`)
    .filter((path) => existsSync(join(root, path))),
]

function markdownBelow(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? markdownBelow(path) : path.endsWith('.md') ? [path] : []
  })
}

/** Fenced blocks of a page in one language. */
function blocks(page: string, language: string): readonly string[] {
  return [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, name, code]) =>
    name === language && code ? [code] : [],
  )
}

/** A page without its code, in which nothing is a link or a heading. */
function prose(page: string): string {
  return page.replaceAll(/^```.*?^```$/gms, '').replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()#]/g, '_'))
}

/** Anchors that a page's headings have on GitHub. */
function anchors(page: string): readonly string[] {
  const text = page.replaceAll(/^```.*?^```$/gms, '')
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** The first cell of each row of a page's tables, where it is code. */
function firstCells(page: string): readonly string[] {
  return [...page.matchAll(/^\| `([^`|]+)` \|/gm)].map(([, cell = '']) => cell)
}

function section(page: string, heading: string): string {
  const [, rest = ''] = page.split(`\n## ${heading}\n`)
  return rest.split('\n## ')[0] ?? ''
}

test.each(pages)('links of %s lead somewhere', (path) => {
  const broken: string[] = []
  for (const [, target = ''] of prose(read(path)).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue
    const [file = '', anchor] = target.split('#')
    const found = file === '' ? path : relative(root, join(root, dirname(path), file))
    if (found.startsWith('..') || !existsSync(join(root, found))) broken.push(target)
    else if (anchor !== undefined && !(statSync(join(root, found)).isFile() && anchors(read(found)).includes(anchor))) {
      broken.push(target)
    }
  }
  expect(broken).toEqual([])
})

test('programs in the documents compile', () => {
  mkdirSync(join(root, '.switchboard'), { recursive: true })
  // Inside the repository, so that packages are found; in a folder that nothing else looks into.
  const folder = mkdtempSync(join(root, '.switchboard/docs-'))
  try {
    const names: string[] = []
    for (const path of pages.filter((page) => !page.startsWith('packages/'))) {
      for (const [index, code] of blocks(read(path), 'ts').entries()) {
        const name = `${path.replaceAll(/[/.]/g, '-')}-${index + 1}.ts`
        writeFileSync(join(folder, name), `${code}export {}\n`)
        names.push(name)
      }
    }
    expect(names).toContain('docs-sdk-md-1.ts')
    writeFileSync(
      join(folder, 'given.d.ts'),
      `declare const client: import('@switchboard/sdk').Switchboard
       declare const baseUrl: string, workspaceId: string, apiKey: string
       declare function keep(position: string): Promise<void>
       declare function kept(): Promise<string>`,
    )
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../tsconfig.tests.json',
        compilerOptions: { noUnusedLocals: false },
        include: ['*.ts'],
      }),
    )
    const tsc = join(root, 'node_modules/typescript7/bin/tsc')
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

describe('the command line', () => {
  const page = read('docs/cli.md')

  /** Command lines of `switchboard` in shell blocks, without what the shell does with them. */
  const typed = pages.flatMap((path) =>
    blocks(read(path), 'sh')
      .flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
      .flatMap((line) => [...line.matchAll(/(?:^|\$\(|\| |\s)(?:npx )?switchboard ((?:'[^']*'|"[^"]*"|[^'"|)<>#])*)/g)])
      .map(([, rest = '']): [string, string] => [rest.trim(), path]),
  )

  test('is typed in the documents in many places', () => {
    expect(typed.length).toBeGreaterThan(30)
  })

  test.each(typed)('takes: switchboard %s (%s)', async (rest) => {
    const argv = [...rest.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word.replaceAll(/['"]/g, ''))
    const parsed = await parse(argv, { version: '0.0.0' })
    expect(parsed.kind === 'said' ? parsed.exit : 0, parsed.kind === 'said' ? parsed.stderr : '').toBe(0)
  })

  test('has each command in its table, and no other', async () => {
    const help = await parse(['--help'], { version: '0.0.0' })
    const text = help.kind === 'said' ? help.stdout : ''
    const [, list = ''] = text.split('Commands:\n')
    const commands = [...(list.split('\n\n')[0] ?? '').matchAll(/^ {2}([\w-]+)/gm)].map(([, name]) => name)
    const told = [...page.matchAll(/^\| \[`([\w-]+)`\]/gm)].map(([, name]) => name)
    expect([...told].sort()).toEqual(commands.filter((name) => name !== 'help').sort())
  })

  test.each([
    'tail',
    'observe',
    'publish',
    'replay',
    'simulate',
    'dev-cluster',
    'backup',
    'restore',
    'migrate',
    'doctor',
  ])('has each option of %s', async (command) => {
    const help = await parse([command, '--help'], { version: '0.0.0' })
    const [, list = ''] = (help.kind === 'said' ? help.stdout : '').split('Options:\n')
    const options = [...list.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option = '']) => option)
    expect(options.length).toBeGreaterThan(3)
    const known = section(page, command) + section(page, 'Where a command goes') + page.split('\n## ')[0]
    expect(options.filter((option) => option !== '--help' && !known.includes(option))).toEqual([])
  })

  test('tells the exit status of each failure of the table, and of no other', () => {
    const told: Record<string, number> = {}
    for (const [, status, codes = ''] of section(page, 'Exit statuses').matchAll(/^\| (\d+) \| (.*) \|$/gm)) {
      for (const [, code = ''] of codes.matchAll(
        /`([a-z_]+_[a-z_]+|forbidden|conflict|internal|unauthenticated|unavailable|overloaded|misdirected)`/g,
      )) {
        told[code] = Number(status)
      }
    }
    expect(told).toEqual(Object.fromEntries(Object.entries(failures).map(([code, { exit }]) => [code, exit])))
  })
})

test('the page of settings has each setting once, with its flag and default, and no other', () => {
  const rows = [...read('docs/reference/configuration.md').matchAll(/^\| `(\w+)` \| `(--[a-z-]+) [^`]*` \| (.*?) \|/gm)]
  expect(rows.map(([, variable, flag, unset]) => [variable, flag, unset])).toEqual(
    settingList.map(({ variable, flag, preset, otherwise }) => [
      variable,
      flag,
      preset === undefined ? otherwise : `\`${preset}\``,
    ]),
  )
})

test('the page of metrics has each metric once, with its labels, and no other', () => {
  const rows = [...read('docs/reference/metrics.md').matchAll(/^\| `(switchboard_\w+)` \| (\w+) \| (.*?) \|/gm)]
  const table: Readonly<Record<string, { readonly type: string; readonly labels?: readonly string[] }>> = metricTable
  expect(rows.map(([, name, type, labels]) => [name, type, labels])).toEqual(
    Object.entries(table).map(([name, { type, labels = [] }]) => [
      name,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
    ]),
  )
})

test('documents name no variable and no metric that there is not', () => {
  const ofClients = ['SWITCHBOARD_URL', 'SWITCHBOARD_API_KEY', 'SWITCHBOARD_WORKSPACE']
  const variables = [...settingList.map(({ variable }) => variable), ...ofClients]
  for (const path of pages) {
    const text = read(path)
    const named = [...text.matchAll(/\bSWITCHBOARD_[A-Z_]*[A-Z]\b/g)].map(([name]) => name)
    expect(
      named.filter((name) => !variables.includes(name)),
      path,
    ).toEqual([])
    const metrics = [...text.matchAll(/\bswitchboard_[a-z_]*[a-z]\b/g)].map(([name]) => name)
    expect(
      metrics.filter((name) => !Object.hasOwn(metricTable, name)),
      path,
    ).toEqual([])
  }
})

describe('custom events', () => {
  const page = read('docs/custom-events.md')

  test('the file in the document is accepted, and the mistake in it is told as the document says', () => {
    const [code = ''] = blocks(page, 'json')
    const file = JSON.parse(code) as { events: [{ fields: { order_id: { description?: string } } }] }
    expect(parseCustomCatalogue(file)).toMatchObject({ ok: true })
    delete file.events[0].fields.order_id.description
    const wrong = parseCustomCatalogue(file)
    const [first] = wrong.ok ? [] : wrong.errors
    expect(page).toContain(`error: SWITCHBOARD_CATALOGUE is "events.json": ${first?.path} ${first?.message} [`)
  })

  test('the keywords in the document are those that are accepted', () => {
    const file = JSON.parse(blocks(page, 'json')[0] ?? '') as { events: [{ fields: { order_id: object } }] }
    Object.assign(file.events[0].fields.order_id, { qqqqqqqqqqqq: 1 })
    const wrong = parseCustomCatalogue(file)
    const message = wrong.ok ? '' : (wrong.errors[0]?.message ?? '')
    const accepted = message.split('accepted are ')[1]?.split(', ')
    const rows = section(page, 'Fields').matchAll(/^\| (?!for|---)[^|]+\| (.*) \|$/gm)
    const told = [...rows].flatMap(([, cell = '']) => [...cell.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name))
    const permission = ['read']
    expect(told.filter((name) => !permission.includes(name)).sort()).toEqual([...(accepted ?? [])].sort())
  })
})

describe('the cluster page', () => {
  const page = read('docs/cluster.md')
  const [server = '', permissions = ''] = blocks(page, 'conf')
  const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0

  /** Whether a program takes a configuration, with what it says. */
  function taken(program: string, args: readonly string[], text: string) {
    const folder = mkdtempSync(join(tmpdir(), 'switchboard-docs-'))
    try {
      const file = join(folder, 'configuration')
      writeFileSync(file, text.replaceAll('/var/lib/nats', join(folder, 'store')))
      const { status, stdout, stderr } = spawnSync(program, [...args, file], { encoding: 'utf8' })
      return { status, said: status === 0 ? '' : stdout + stderr }
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  test('has configurations of NATS servers that they take', (t) => {
    if (!has('nats-server')) return t.skip('needs nats-server')
    const { stdout } = spawnSync('nats-server', ['--version'], { encoding: 'utf8' })
    // As the page says: servers before 2.10 do not know the setting.
    const isOld = /v2\.\d\./.test(stdout)
    const ours = isOld ? server.replace(/^ *sync_interval.*\n/m, '') : server
    expect(server).toContain('sync_interval: always')
    expect(taken('nats-server', ['-t', '-c'], ours)).toEqual({ status: 0, said: '' })
    const account = `accounts { A { jetstream: enabled, users: [{ user: a, password: "b", ${permissions} }] } }`
    expect(taken('nats-server', ['-t', '-c'], account)).toEqual({ status: 0, said: '' })
  })

  test('has a configuration of HAProxy that it takes', (t) => {
    if (!has('haproxy')) return t.skip('needs haproxy')
    const [gateways = '', twilio = ''] = blocks(page, 'haproxy')
    const [rule = '', backend = ''] = twilio.split('\nbackend ')
    const frontend = `frontend f\n  mode http\n  bind 127.0.0.1:1\n  timeout client 60s\n${rule}\n  default_backend switchboard\n`
    expect(taken('haproxy', ['-c', '-f'], `${frontend}${gateways}\nbackend ${backend}`)).toEqual({
      status: 0,
      said: '',
    })
  })
})

test('the SDK reconnects as its document says', () => {
  const rows = section(read('docs/sdk.md'), 'Reconnecting').matchAll(/^\| `(\w+)` \| `(\d+)` \|/gm)
  expect(Object.fromEntries([...rows].map(([, name, value]) => [name, Number(value)]))).toEqual(reconnectPolicy)
})

test('the pages of reference begin by saying that they are generated', () => {
  for (const path of markdownBelow('docs/reference')) expect(read(path)).toMatch(/^<!-- Generated by /)
  expect(firstCells(read('docs/reference/failures.md'))).toEqual(Object.keys(failures))
})
