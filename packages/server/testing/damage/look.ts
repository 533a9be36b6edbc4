/**
 * Looks at damaged folders, one after the other, in a process of its own, which damage may end: look.ts KNOWN
 *
 * KNOWN is a file with what a sound folder says. Each message is a folder, and is answered with what was found.
 */
import { readFileSync } from 'node:fs'
import { type Known, lookAt } from './known.js'

const known = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Known
process.on('message', (dir: string) => {
  void lookAt(dir, known).then((finding) => process.send?.(finding))
})
