/**
 * `npm run fuzz`: inputs that nobody would think of, for every parser of what others send. What reaches new code is kept and
 * changed further. Exits with 1 when something was found, and says how to see it again.
 */
import { parseArgs } from 'node:util'
import { TestServer } from '../kit.js'
import { errorOf, guide } from './guide.js'
import { fuzzHttp } from './http/http.js'
import type { Finding, Target } from './target.js'
import { targets } from './targets.js'
import { Watchdog } from './watchdog.js'

const HTTP = 'http'
const names = targets.map(({ name }) => name)
const USAGE = `npm run fuzz -- [options]

  --target NAME    one of ${names.join(', ')};
                   or http, the whole HTTP surface of a real server, from its OpenAPI document;
                   may be given several times (default: all)
  --seconds N      how long for each (default: 60)
  --seed TEXT      where chance begins (default: 1)
  --replay BASE64  run one input of one target, instead
  --help           this`

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true, default: [...names, HTTP] },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    replay: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

function targetOf(name: string): Target {
  const target = targets.find((each) => each.name === name)
  if (target === undefined) throw new Error(`--target is "${name}"; accepted: ${[...names, HTTP].join(', ')}`)
  return target
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

async function http(): Promise<number> {
  const ends: (() => Promise<void>)[] = []
  const server = await TestServer.start({ onEnd: (end) => ends.push(end) })
  try {
    const end = performance.now() + Number(values.seconds) * 1000
    const { requests, statuses, faults } = await fuzzHttp(server, values.seed, () => performance.now() >= end)
    console.log(`${HTTP.padEnd(10)} ${requests} requests, ${faults.length} found (seed ${values.seed})`)
    for (const [operation, counts] of statuses) {
      console.log(`  ${operation.padEnd(24)} ${[...counts].map(([status, count]) => `${status}: ${count}`).join(', ')}`)
    }
    for (const fault of faults) console.log(`FOUND ${fault}`)
    return faults.length
  } finally {
    for (const end of ends) await end()
  }
}

async function fuzz(target: Target): Promise<number> {
  const watchdog = new Watchdog(replayCommand(target.name))
  const end = performance.now() + Number(values.seconds) * 1000
  const { inputs, corpus, reached, findings } = await guide(target, {
    seed: values.seed,
    isOver: () => performance.now() >= end,
    onInput: (input) => watchdog.isAt(input),
  })
  await watchdog.end()
  const told = `${inputs} inputs, ${corpus.length} kept, ${reached} characters of code reached, ${findings.length} found`
  console.log(`${target.name.padEnd(10)} ${told} (seed ${values.seed})`)
  findings.forEach(say)
  return findings.length
}

let found = 0
if (values.help) console.log(USAGE)
else {
  for (const name of values.target) {
    if (name === HTTP) found += await http()
    else if (values.replay === undefined) found += await fuzz(targetOf(name))
    else found += await replay(targetOf(name), Buffer.from(values.replay, 'base64'))
  }
}
process.exit(found === 0 ? 0 : 1)
