// `npm run generate`: writes everything that follows from packages/contract (the OpenAPI and AsyncAPI documents, the SDK's
// types and REST functions, reference pages) and from the server's tables of settings and metrics (their reference pages).
//   --check   writes nothing; fails and names each file that is not what it should be
//   --lint    then checks both documents with other people's tools
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ensureInstalled, root, run } from './install.mjs'

const accepted = ['--check', '--lint']
const options = process.argv.slice(2)
for (const option of options) {
  if (accepted.includes(option)) continue
  console.error(`${option} is no option of generate; accepted: ${accepted.join(', ')}`)
  process.exit(2)
}

ensureInstalled()
run('node', [`${root}node_modules/typescript7/bin/tsc`, '-b', 'packages/contract'])

// Imported late: they do not exist before the two steps above.
const contract = await import('../packages/contract/dist/index.js')
const { tsImport } = await import('tsx/esm/api')
const { documents } = await import('../tools/codegen/src/documents.mjs')
const { operationsPages } = await import('../tools/codegen/src/operations.mjs')
const { openApiPath, sdkFolder } = await import('../tools/codegen/src/paths.mjs')
const { sdkFiles } = await import('../tools/codegen/src/sdk.mjs')

const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const files = documents(contract, version)
for (const [path, text] of await sdkFiles(JSON.parse(files.get(openApiPath)))) files.set(path, text)
// From their sources: these pages must be right before the server compiles.
const { settingList } = await tsImport('../packages/server/src/ops/settings.ts', import.meta.url)
const { metricTable } = await tsImport('../packages/server/src/ops/metric-table.ts', import.meta.url)
for (const [path, text] of operationsPages(settingList, metricTable)) files.set(path, text)

const stale = [...files].filter(
  ([path, text]) => !existsSync(root + path) || readFileSync(root + path, 'utf8') !== text,
)
const surplus = listFiles(sdkFolder).filter((path) => !files.has(path))

if (options.includes('--check')) {
  for (const [path] of stale) console.error(`${path} is not what it follows from`)
  for (const path of surplus) console.error(`${path} is generated no more`)
  if (stale.length + surplus.length > 0) {
    console.error('Run `npm run generate` and commit what it writes.')
    process.exit(1)
  }
  console.log(`${files.size} generated files are up to date`)
} else {
  for (const [path, text] of stale) {
    mkdirSync(dirname(root + path), { recursive: true })
    writeFileSync(root + path, text)
    console.log(`wrote ${path}`)
  }
  for (const path of surplus) {
    rmSync(root + path)
    console.log(`removed ${path}`)
  }
  if (stale.length + surplus.length === 0) console.log(`${files.size} generated files were up to date`)
}

if (options.includes('--lint')) {
  const { lint } = await import('../tools/codegen/src/lint.mjs')
  const faults = await lint(root)
  for (const fault of faults) console.error(fault)
  if (faults.length > 0) process.exit(1)
  console.log('both documents are well-formed')
}

/** Paths of all files below a folder, from the root. */
function listFiles(folder) {
  if (!existsSync(root + folder)) return []
  return readdirSync(root + folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? listFiles(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`],
  )
}
