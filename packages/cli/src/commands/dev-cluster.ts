import type { Context } from '../context.js'
import { type DevCluster, NODES } from '../dev-cluster/job.js'
import { CliError } from '../failure.js'
import type { Define } from '../job.js'
import { withExamples } from '../parse/examples.js'
import { wholeNumber } from '../parse/values.js'

/** More than a laptop has processors for; nothing else ends there. */
const GATEWAYS_MAX = 16
const PORT_MAX = 65_535

interface Raw {
  readonly gateways: number
  readonly dataDir: string
  readonly port: number
  readonly natsPort: number
  readonly fast?: true
  readonly json?: true
}

export const defineDevCluster: Define = (program, submit) => {
  const command = program
    .command('dev-cluster')
    .description('start three NATS nodes and two gateways on this machine, for trying and for tests')
    .option('--gateways <n>', 'how many gateways', wholeNumber(1, GATEWAYS_MAX), 2)
    .option('--data-dir <path>', 'folder of everything that they keep, and of their logs', './data/dev-cluster')
    .option(
      '--port <number>',
      'port of the first gateway, the others have the next ones; 0 takes free ones',
      wholeNumber(0, PORT_MAX),
      8080,
    )
    .option(
      '--nats-port <number>',
      'port of the first NATS node, the others have the next ones; 0 takes free ones',
      wholeNumber(0, PORT_MAX),
      0,
    )
    .option('--fast', 'publish some ten times faster, and lose acknowledged events in a power cut')
    .option('--json', 'one JSON object a line on standard output: addresses, process ids, keys')
    .addHelpText('after', '\nIt needs the program nats-server. Ctrl-C or SIGTERM ends all of it in order.')
  withExamples(command, [
    ['switchboard dev-cluster', 'gateways on http://127.0.0.1:8080 and :8081'],
    ['switchboard dev-cluster --gateways 3 --port 9000', 'three, on 9000, 9001 and 9002'],
    ['switchboard dev-cluster --port 0 --fast --json', 'for a test'],
  ])
  command.action(({ fast, json, ...rest }: Raw) => {
    requirePorts('--port', rest.port, rest.gateways)
    requirePorts('--nats-port', rest.natsPort, NODES)
    submit('dev-cluster', { ...rest, fast: fast ?? false, json: json ?? false } satisfies DevCluster, run)
  })
}

function requirePorts(option: string, first: number, count: number): void {
  if (first + count - 1 <= PORT_MAX) return
  const accepted = `accepted: up to ${PORT_MAX - count + 1}, or 0 for free ones`
  throw new CliError(
    'bad_request',
    `${option} is ${first}, and ${count} processes need ports from there on; ${accepted}`,
  )
}

/** Loaded when it is asked for: the server takes several times as long to load as all the rest of this program. */
async function run(job: DevCluster, context: Context): Promise<void> {
  const { devCluster } = await import('../dev-cluster/dev-cluster.js')
  return devCluster(job, context)
}
