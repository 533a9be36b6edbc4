import { readFileSync } from 'node:fs'

/** The server's version: that of its package, which stands beside the source and the build alike. */
export const version: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
