import { type Command, Option } from 'commander'
import type { Context } from '../context.js'
import type { Submit } from '../job.js'
import { withExamples } from '../parse/examples.js'
import type { Serve } from '../serve/serve.js'

/**
 * Its flags come from the server's table of settings. Loading the server takes several times as long as all the rest
 * of this program, so that only happens when `serve` is what was asked for.
 */
export async function defineServe(program: Command, submit: Submit, argv: readonly string[]): Promise<void> {
  const command = program
    .command('serve')
    .description('start a server; the first start on an empty folder makes a workspace and keys')
    .option('--json', 'log JSON lines, as happens by itself when output is no terminal')
  withExamples(command, [
    ['switchboard serve', 'on http://127.0.0.1:8080, keeping events in ./data'],
    ['switchboard serve --port 9000 --data-dir /var/lib/switchboard', 'elsewhere'],
    ['switchboard serve --host 0.0.0.0 --retention 30d', 'for the whole network, keeping events for a month'],
  ])
  command.addHelpText(
    'after',
    '\nEach setting may also come from the environment variable in its brackets; the flag wins.\nSIGTERM or Ctrl-C ends open streams, finishes requests, and stops.',
  )
  const names = new Map<string, string>()
  if (argv.includes('serve')) {
    const { settingList } = await import('@switchboard/server')
    for (const { name, flag, placeholder, meaning, variable, preset, otherwise } of settingList) {
      const unset = preset ?? otherwise
      const text = `${meaning.replace(/\.$/, '')} [${variable}${unset === undefined ? '' : `, default: ${unset}`}]`
      const option = new Option(`${flag} ${placeholder}`, text)
      names.set(option.attributeName(), name)
      command.addOption(option)
    }
  }
  command.action(({ json, ...typed }: { readonly json?: true } & Record<string, string>) => {
    const flags = Object.fromEntries(Object.entries(typed).map(([option, text]) => [names.get(option) ?? option, text]))
    submit('serve', { flags, json: json ?? false } satisfies Serve, run)
  })
}

async function run(job: Serve, context: Context): Promise<unknown> {
  const { serve } = await import('../serve/serve.js')
  return serve(job, context)
}
