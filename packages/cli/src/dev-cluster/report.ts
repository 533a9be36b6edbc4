import type { Durability, Ending, NatsNode } from '@switchboard/server'
import { commandName } from '../command-name.js'
import { type Context, say } from '../context.js'
import { tell } from '../failure.js'
import { type Palette, palette } from '../render/palette.js'
import { formatTold } from '../render/told.js'
import type { Gateway } from './gateway.js'
import { logLine } from './log-line.js'
import { type Ready, readyText } from './words.js'

/** What a cluster has to say: as facts for programs on standard output, or as words for people on standard error. */
export class Report {
  private readonly colours: Palette

  constructor(
    private readonly context: Context,
    private readonly json: boolean,
  ) {
    this.colours = palette(context.stderr.colour)
  }

  async nodes(nodes: readonly NatsNode[], durability: Durability): Promise<void> {
    for (const { name, url, monitorUrl, pid, logFile } of nodes)
      await this.fact({ nats: { name, url, monitor_url: monitorUrl, pid, log: logFile } })
    await this.fact({ durable: durability })
  }

  gateway({ name, pid, dataDir, logFile }: Gateway, url: string): Promise<void> {
    return this.fact({ gateway: { name, url, pid, data_dir: dataDir, log: logFile } })
  }

  async ready(ready: Ready): Promise<void> {
    const { gateways, nodes, held } = ready
    await this.fact({
      ready: {
        gateways: gateways.map(({ url }) => url),
        nats: nodes.map(({ url }) => url),
        ...held,
        credentials: ready.credentials,
        data_dir: ready.dataDir,
      },
    })
    if (!this.json) await this.context.stderr.write(readyText(ready, this.colours))
  }

  async died(name: string, how: Ending, logFile: string): Promise<void> {
    await this.fact({ died: { name, how, log: logFile } })
    if (!this.json)
      await this.line(`${this.colours.bad(`${name} is gone`)} (${how}); the others go on. Log: ${logFile}`)
  }

  /** A line of a gateway's log. */
  async log(name: string, line: string): Promise<void> {
    await this.line(`${this.colours.faint(`${name} |`)} ${this.json ? line : logLine(line)}`)
  }

  async trouble(error: unknown): Promise<void> {
    const { stderr, env } = this.context
    await stderr.write(formatTold(tell(error), stderr.colour, commandName(env)))
  }

  /** What happens now, for people who wait. */
  async progress(text: string): Promise<void> {
    if (!this.json) await this.line(this.colours.faint(text))
  }

  private async fact(fact: object): Promise<void> {
    if (this.json) await say(this.context.stdout, JSON.stringify(fact))
  }

  private line(text: string): Promise<void> {
    return say(this.context.stderr, text)
  }
}
