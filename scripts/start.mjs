// `npm start`: installs and builds what is missing, then serves. Arguments go to `switchboard serve`.

import { build } from './build.mjs'
import { root } from './install.mjs'

build()
process.argv = [process.argv[0], 'switchboard', 'serve', ...process.argv.slice(2)]
await import(`${root}packages/cli/dist/main.js`)
