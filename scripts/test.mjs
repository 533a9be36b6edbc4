// `npm test`: everything that must hold before a change lands, from a clean clone by itself. Ends with one line:
// "N passed, M failed".
//
// `npm test -- PATTERN …` runs the tests whose path matches, without the other checks.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from './build.mjs'
import { root } from './install.mjs'

/** Programs of the system that the tests drive for real, and the Debian packages they come in. */
const programs = [
  { command: 'chromium', package: 'chromium', why: 'the tests drive a real browser' },
  { command: 'curl', package: 'curl', why: 'the tests read streams as a person would' },
  { command: 'nginx', package: 'nginx-light', why: 'the tests run it before the server' },
  { command: 'haproxy', package: 'haproxy', why: 'the tests run it before the server' },
  { command: 'caddy', package: 'caddy', why: 'the tests run it before the server' },
  { command: 'openssl', package: 'openssl', why: 'the tests give those three a certificate' },
  { command: 'python3', package: 'python3', why: 'the tests cut the power of a scratch file system' },
  { command: 'mkfs.ext4', package: 'e2fsprogs', why: 'the tests cut the power of a scratch file system' },
  { command: 'chattr', package: 'e2fsprogs', why: 'a cluster keeps what it acknowledged through a power cut with it' },
  { command: 'nats-server', package: 'nats-server', why: 'the tests run it, alone and as a cluster' },
  { command: 'ip', package: 'iproute2', why: 'the tests cut a node of a cluster off from its network' },
]

const has = (command) => spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0

function ensurePrograms() {
  const missing = programs.filter(({ command }) => !has(command) && !existsSync(`/sbin/${command}`))
  if (missing.length === 0) return
  const names = [...new Set(missing.map((program) => program.package))]
  if (!has('apt-get') || process.getuid?.() !== 0) {
    for (const { command, why } of missing)
      console.log(`Missing program: ${command} (${why}). Its tests are skipped and say so.`)
    return
  }
  console.log(`Installing system packages for the tests: ${names.join(', ')} …`)
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  spawnSync('apt-get', ['update', '-qq'], quiet)
  const { status } = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], quiet)
  if (status !== 0) console.log('The package manager failed; tests that need these programs are skipped and say so.')
}

const tsc = `${root}node_modules/typescript7/bin/tsc`
const checks = [
  { name: 'generated documents and types are current', command: ['node', 'scripts/generate.mjs', '--check'] },
  { name: 'the OpenAPI and AsyncAPI documents are well made', command: ['node', 'scripts/generate.mjs', '--lint'] },
  { name: 'tests and examples type-check', command: ['node', tsc, '-p', 'tsconfig.tests.json'] },
  {
    name: 'the code is formatted and linted',
    command: ['node', 'node_modules/@biomejs/biome/bin/biome', 'check', '.'],
  },
  { name: 'the SDK is packed well', command: ['node', 'node_modules/publint/src/cli.js', 'packages/sdk', '--strict'] },
  {
    name: 'the SDK and its types resolve everywhere',
    command: ['node', 'node_modules/@arethetypeswrong/cli/dist/index.js', '--pack', 'packages/sdk', '--no-emoji'],
  },
  {
    name: 'packages come with a licence, a hash and no scripts, and the bill of materials can be made',
    command: ['node', 'scripts/sbom.mjs', '--check'],
  },
  { name: 'no package has a vulnerability that is known', command: ['node', 'scripts/sbom.mjs', '--audit'] },
  { name: 'nothing is unused', command: ['node', 'node_modules/knip/bin/knip.js', '--no-progress'] },
]

/** What a check says that could not be made here, with the reason. */
const SKIPPED = 77

let passed = 0
let failed = 0
let skipped = 0

function check({ name, command: [program, ...args] }) {
  const started = Date.now()
  const result = spawnSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 })
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  if (result.status === 0) {
    passed++
    console.log(`ok      ${name} (${seconds} s)`)
  } else if (result.status === SKIPPED) {
    skipped++
    console.log(`skipped ${name} (${seconds} s): ${result.stdout.trim()}`)
  } else {
    failed++
    console.log(`FAILED  ${name} (${seconds} s)\n${result.stdout}${result.stderr}`)
  }
}

function vitest(patterns) {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-tests-'))
  const report = join(folder, 'report.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const { status: exit } = spawnSync(
    'node',
    [`${root}node_modules/vitest/vitest.mjs`, 'run', ...reporters, ...patterns],
    { cwd: root, stdio: 'inherit' },
  )
  try {
    const summary = JSON.parse(readFileSync(report, 'utf8'))
    passed += summary.numPassedTests
    // A file that does not even load, or fails around its tests, has no test that failed, and must count all the same.
    const around = summary.testResults.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed'),
    )
    const failures = summary.numFailedTests + around.length
    failed += failures
    // As an error that nobody awaited, which is of no file.
    if (exit !== 0 && failures === 0) failed++
    skipped += summary.numPendingTests + summary.numTodoTests
    if (summary.numTotalTests === 0) failed++
  } catch (error) {
    failed++
    console.log(`FAILED  the test runner left no report: ${error.message}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const patterns = process.argv.slice(2)
ensurePrograms()
build()
if (patterns.length === 0) checks.forEach(check)
vitest(patterns)
console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`)
process.exit(failed === 0 ? 0 : 1)
