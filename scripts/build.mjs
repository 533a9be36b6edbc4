// Builds every package: one incremental compile, the SDK's two module formats and the console when their sources changed.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { ensureInstalled, root, run } from './install.mjs'

/** The newest change below a folder, in Unix ms. */
function newest(folder) {
  let latest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs)
  }
  return latest
}

export function build() {
  ensureInstalled()
  compile()
}

function compile() {
  const quiet = { stdio: ['ignore', 2, 2] }
  const bundle = `${root}packages/sdk/dist/index.cjs`
  if (!existsSync(bundle) || statSync(bundle).mtimeMs < newest(`${root}packages/sdk/src`)) {
    run('node', [`${root}node_modules/tsdown/dist/run.mjs`, '--logLevel', 'error'], {
      cwd: `${root}packages/sdk`,
      // Heard only when it fails: the last line of tsdown that runs on Node 20 says at each start that it is the last.
      stdio: ['ignore', 2, 'pipe'],
    })
  }
  const site = `${root}packages/console/dist/site/index.html`
  // It reads the other packages as source, so it asks for no order; but their changes are its changes.
  const sources = ['console/src', 'sdk/src', 'contract/src/state', 'simulator/src'].map((folder) =>
    newest(`${root}packages/${folder}`),
  )
  const settings = ['index.html', 'vite.config.ts', 'package.json'].map(
    (file) => statSync(`${root}packages/console/${file}`).mtimeMs,
  )
  if (!existsSync(site) || statSync(site).mtimeMs < Math.max(...sources, ...settings)) {
    run('node', [`${root}node_modules/vite/bin/vite.js`, 'build', '--logLevel', 'warn'], {
      cwd: `${root}packages/console`,
      ...quiet,
    })
  }
  run('node', [`${root}node_modules/typescript7/bin/tsc`, '-b'], quiet)
}

if (process.argv[1] && import.meta.url.endsWith(process.argv[1].split('/').pop())) {
  // `npm ci` ends with this, so that `npx switchboard` works right after it. An install without the compiler, as for
  // production, has nothing to build with and brings what was built elsewhere.
  if (!process.argv.includes('--after-install')) build()
  else if (existsSync(`${root}node_modules/typescript7`)) compile()
}
