// The files that follow from the contract alone: both documents and the reference pages.
import { asyncApiPath, eventsPagePath, failuresPagePath, openApiPath } from './paths.mjs'

/** Said first in a JSON file, which has no comments. Both formats allow members that begin with `x-`. */
const generated = { 'x-generated': 'By `npm run generate` from packages/contract. Do not edit.' }

const json = (document) => `${JSON.stringify({ ...generated, ...document }, null, 2)}\n`

/** @returns {Map<string, string>} text by path from the repository's root */
export function documents(contract, version) {
  const { builtinCatalogue, buildAsyncApi, buildOpenApi, eventsPage, failuresPage } = contract
  return new Map([
    [openApiPath, json(buildOpenApi(builtinCatalogue, { version }))],
    [asyncApiPath, json(buildAsyncApi(builtinCatalogue, { version }))],
    [eventsPagePath, eventsPage(builtinCatalogue)],
    [failuresPagePath, failuresPage()],
  ])
}
