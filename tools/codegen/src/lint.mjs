// What others say of our documents: Redocly of OpenAPI, the AsyncAPI initiative's parser of AsyncAPI. Both run offline.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Parser } from '@asyncapi/parser'
import { asyncApiPath, openApiPath } from './paths.mjs'

/** Severities that fail: 0 error, 1 warning. Hints (a newer AsyncAPI exists) do not. */
const WORST_ALLOWED = 2

/** @returns {Promise<string[]>} what is wrong, empty when nothing is */
export async function lint(root) {
  return [...lintOpenApi(root), ...(await lintAsyncApi(root))]
}

function lintOpenApi(root) {
  const cli = createRequire(import.meta.url)
    .resolve('@redocly/cli/package.json')
    .replace(/package\.json$/, 'bin/cli.js')
  const config = fileURLToPath(new URL('../redocly.yaml', import.meta.url))
  const result = spawnSync(
    process.execPath,
    [cli, 'lint', `${root}${openApiPath}`, '--config', config, '--format=json'],
    {
      encoding: 'utf8',
      // No telemetry, no look for a newer version.
      env: { ...process.env, CI: '1', REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
    },
  )
  const start = result.stdout.indexOf('{')
  if (start < 0) return [`${openApiPath}: the linter said nothing that can be read. ${result.stderr.trim()}`]
  return JSON.parse(result.stdout.slice(start)).problems.map(
    ({ ruleId, message, location }) => `${openApiPath}${location[0]?.pointer ?? ''}: ${message} (${ruleId})`,
  )
}

async function lintAsyncApi(root) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(`${root}${asyncApiPath}`, 'utf8'))
  const faults = diagnostics
    .filter(({ severity }) => severity < WORST_ALLOWED)
    .map(({ code, message, path }) => `${asyncApiPath}#/${path.join('/')}: ${message} (${code})`)
  return document === undefined && faults.length === 0 ? [`${asyncApiPath}: cannot be parsed`] : faults
}
