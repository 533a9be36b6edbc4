/**
 * `npm run fuzz`: inputs that nobody would think of, for every parser of what others send. What reaches new code is kept and
 * changed further. Exits with 1 when something was found, and says how to see it again.
 */
import { parseArgs } from 'node:util'
import { errorOf, guide } from './guide.js'
import type { Finding, Target } from './target.js'
import { targets } from './targets.js'
import { Watchdog } from './watchdog.js'

const names = targets.map(({ name }) => name)
const USAGE = `npm run fuzz -- [options]

  --target NAME    one of ${names.join(', ')}; may be given several times (default: all)
  --seconds N      how long for each (default: 60)
  --seed TEXT      where chance begins (default: 1)
  --replay BASE64  run one input of one target, instead
  --help           this

  npm run fuzz -- --target http    the whole HTTP surface, from its OpenAPI document, against a real server`

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true, default: names },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    replay: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

function chosen(): readonly Target[] {
  return values.target.map((name) => {
    const target = targets.find((each) => each.name === name)
    if (target === undefined) throw new Error(`--target is "${name}"; accepted: ${names.join(', ')}, http`)
    return target
  })
}

const replayCommand = (target: string): string => `npm run fuzz -- --target ${target} --replay`

function say({ target, input, error }: Finding): void {
  console.log(`FOUND ${error instanceof Error ? error.stack : String(error)}`)
  console.log(`  as text: ${JSON.stringify(input.toString('latin1').slice(0, 400))}`)
  console.log(`  again:   ${replayCommand(target)} ${input.toString('base64')}`)
}

async function replay(target: Target, input: Buffer): Promise<number> {
  const error = await errorOf(target, input)
  if (error === undefined) console.log(`${target.name}: nothing is wrong with it`)
  else say({ target: target.name, input, error })
  return error === undefined ? 0 : 1
}

async function fuzz(target: Target): Promise<number> {
  const watchdog = new Watchdog(replayCommand(target.name))
  const end = performance.now() + Number(values.seconds) * 1000
  const { inputs, corpus, blocks, findings } = await guide(target, {
    seed: values.seed,
    isOver: () => performance.now() >= end,
    onInput: (input) => watchdog.isAt(input),
  })
  await watchdog.end()
  const reached = `${inputs} inputs, ${corpus.length} kept, ${blocks} blocks reached, ${findings.length} found`
  console.log(`${target.name.padEnd(10)} ${reached} (seed ${values.seed})`)
  findings.forEach(say)
  return findings.length
}

let found = 0
if (values.help) console.log(USAGE)
else {
  for (const target of chosen()) {
    found += values.replay === undefined ? await fuzz(target) : await replay(target, Buffer.from(values.replay, 'base64'))
  }
}
process.exit(found === 0 ? 0 : 1)
