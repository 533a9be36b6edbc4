// `npm run sbom`: writes sbom.cdx.json, a software bill of materials (CycloneDX) of what an installation carries.
//   --all     with what builds and tests it, too
//   --check   writes nothing, and fails unless the lock file is as it should be:
//             every package from the registry, with an integrity hash, under an accepted licence; install scripts
//             in just the packages that package.json names (it forbids them); as many packages as docs/dependencies.md says
//   --audit   asks the registry for known vulnerabilities of what an installation carries
//
// Made by `npm sbom` from the lock file, so it is the same on every machine; what differs from run to run (a time, a random
// number, the folder's name) is taken out of it or made of the rest.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { root } from './install.mjs'

/** Exit status of a check that could not be made: scripts/test.mjs counts it as skipped. */
const SKIPPED = 77
const FILE = 'sbom.cdx.json'

/** Licences that ask for no more than their text to be kept. */
const LICENCES = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'Unlicense',
])
/** For what builds and tests, and is not passed on. */
const TOOL_LICENCES = new Set([...LICENCES, 'MPL-2.0', 'Python-2.0'])

const json = (path) => JSON.parse(readFileSync(`${root}${path}`, 'utf8'))

function npm(args) {
  const { error, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 })
  if (error) throw error
  try {
    return JSON.parse(stdout)
  } catch {
    throw new Error(`npm ${args[0]} did not answer in JSON: ${stderr || stdout}`)
  }
}

/** Packages of the lock file by their places in the tree, without ours. */
const locked = Object.entries(json('package-lock.json').packages)
  .filter(([path, { link }]) => path.includes('node_modules/') && !link)
  .map(([path, entry]) => ({ ...entry, path, name: entry.name ?? path.replace(/^.*node_modules\//, '') }))

const runtime = new Set(locked.filter(({ dev }) => !dev).map(({ name, version }) => `${name}@${version}`))
const DEVELOPMENT = 'cdx:npm:package:development'

/** npm marks a package that is in several places as the first of them is: what runs in any of them is marked as what runs. */
function marked(component) {
  if (!runtime.has(component['bom-ref'])) return component
  const properties = component.properties.filter(({ name }) => name !== DEVELOPMENT)
  return properties.length === component.properties.length ? component : { ...component, scope: 'required', properties }
}

const isTool = ({ properties }) => properties.some(({ name }) => name === DEVELOPMENT)
const isOurs = ({ purl }) => /^pkg:npm\/(%40switchboard\/|switchboard-)/.test(purl)

function bill(all) {
  // Not --omit=dev: that leaves out what a workspace needs as soon as the root needs it for its tests.
  const made = npm(['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'])
  const { name, version } = json('package.json')
  const byRef = (a, b) => (a['bom-ref'] ?? a.ref).localeCompare(b['bom-ref'] ?? b.ref, 'en')
  const components = made.components
    .map(marked)
    .filter((component) => all || !isTool(component))
    .sort(byRef)
  const refs = new Set([made.metadata.component['bom-ref'], ...components.map((component) => component['bom-ref'])])
  const dependencies = made.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)).sort() }))
    .sort(byRef)
  const { timestamp: _, component, ...metadata } = made.metadata
  const content = { metadata: { ...metadata, component: { ...component, name, version } }, components, dependencies }
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex')
  // A UUID of version 8: its bits are ours to choose.
  const uuid = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ]
  const { $schema, bomFormat, specVersion } = made
  return { $schema, bomFormat, specVersion, serialNumber: `urn:uuid:${uuid.join('-')}`, version: 1, ...content }
}

/** `MIT OR Apache-2.0` is fine when one is, `(MIT AND ISC)` when all are. */
function isAccepted(licence, accepted) {
  return licence
    .replace(/^\((.*)\)$/, '$1')
    .split(' OR ')
    .some((either) => either.split(' AND ').every((each) => accepted.has(each)))
}

function faultsOfLock() {
  const faults = []
  const scripted = []
  for (const { path, name, integrity = '', resolved, license = 'none', dev, hasInstallScript } of locked) {
    if (!/^sha512-/.test(integrity)) faults.push(`${path} has no integrity hash`)
    // What comes from the registry has no address here.
    if (resolved !== undefined) faults.push(`${path} comes from elsewhere than the registry`)
    if (!isAccepted(license, dev ? TOOL_LICENCES : LICENCES)) {
      faults.push(`${path} has the licence ${license}, which is not accepted`)
    }
    if (hasInstallScript) scripted.push(name)
  }
  const declared = Object.entries(json('package.json').allowScripts)
  for (const name of scripted) {
    if (!declared.some(([known]) => known === name))
      faults.push(`${name} has an install script that nobody has declared`)
  }
  for (const [name, allowed] of declared) {
    if (!scripted.includes(name)) faults.push(`${name} is declared to have an install script, and has none`)
    if (allowed !== false) faults.push(`${name} may run its install script`)
  }
  return faults
}

function faultsOfBill() {
  const made = bill(false)
  const faults = []
  const everything = bill(true)
  if (JSON.stringify(everything) !== JSON.stringify(bill(true)))
    faults.push('the bill of materials differs from run to run')
  const theirs = made.components.filter((component) => !isOurs(component))
  for (const { 'bom-ref': ref, licenses = [], hashes = [] } of theirs) {
    if (licenses.length === 0 || hashes.length === 0)
      faults.push(`${ref} is in the bill without its licence or its hash`)
  }
  // What runs must be in it, whatever npm thinks of it.
  for (const path of ['packages/cli', 'packages/server', 'packages/sdk', 'packages/contract']) {
    for (const [name, version] of Object.entries(json(`${path}/package.json`).dependencies ?? {})) {
      const isThere = made.components.some((each) => `${each['bom-ref']}`.startsWith(`${name}@${version}`))
      if (!isThere) faults.push(`${name}@${version}, which ${path} needs, is not in the bill`)
    }
  }
  const said = /(\d+) packages at run time/.exec(readFileSync(`${root}docs/dependencies.md`, 'utf8'))?.[1]
  if (said !== String(theirs.length)) {
    faults.push(`docs/dependencies.md says ${said ?? 'nothing of'} packages at run time; they are ${theirs.length}`)
  }
  return faults
}

function audit() {
  const answer = npm(['audit', '--omit=dev', '--audit-level=high', '--json'])
  if (answer.metadata === undefined) {
    const reason = answer.message ?? answer.error?.summary ?? answer.error?.code ?? 'no answer'
    console.log(
      `The registry tells nothing of vulnerabilities: ${String(reason).replace(/https?:\S+/g, 'its audit endpoint')}`,
    )
    process.exit(SKIPPED)
  }
  const { high, critical } = answer.metadata.vulnerabilities
  return high + critical === 0
    ? []
    : Object.values(answer.vulnerabilities)
        .filter(({ severity }) => severity === 'high' || severity === 'critical')
        .map(({ name, severity, range }) => `${name} ${range}: a ${severity} vulnerability; see npm audit`)
}

function end(faults) {
  for (const fault of faults) console.error(fault)
  process.exit(faults.length === 0 ? 0 : 1)
}

const [option, ...more] = process.argv.slice(2)
if (more.length > 0 || ![undefined, '--all', '--check', '--audit'].includes(option)) {
  console.error('Accepted: --all, --check or --audit')
  process.exit(2)
}
if (option === '--check') end([...faultsOfLock(), ...faultsOfBill()])
if (option === '--audit') end(audit())
const made = bill(option === '--all')
writeFileSync(`${root}${FILE}`, `${JSON.stringify(made, undefined, 2)}\n`)
const theirs = made.components.filter((component) => !isOurs(component))
console.log(`${FILE}: ${theirs.length} packages${option === '--all' ? '' : ' at run time'}, and ours`)
