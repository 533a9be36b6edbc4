import type { Command } from 'commander'
import type { Context } from '../context.js'
import type { Submit } from '../job.js'
import { withExamples } from '../parse/examples.js'
import { withSettings } from '../parse/setting-options.js'
import type { Serve } from '../serve/serve.js'

/** Its flags come from the server's table of settings. */
export async function defineServe(program: Command, submit: Submit, argv: readonly string[]): Promise<void> {
  const command = program
    .command('serve')
    .description('start a server; the first start on an empty folder makes a workspace and keys')
    .option('--json', 'log JSON lines, as happens by itself when output is no terminal')
    .option('--bare', 'serve and no more: make no first workspace, keep no credentials')
  withExamples(command, [
    ['switchboard serve', 'on http://127.0.0.1:8080, keeping events in ./data'],
    ['switchboard serve --port 9000 --data-dir /var/lib/switchboard', 'elsewhere'],
    ['switchboard serve --tls-cert server.crt --tls-key server.key', 'with HTTPS: HTTP/2, and HTTP/1.1'],
    ['switchboard serve --host 0.0.0.0 --retention 30d', 'for the whole network, keeping events for a month'],
  ])
  command.addHelpText(
    'after',
    '\nEach setting may also come from the environment variable in its brackets; the flag wins.\nSIGTERM or Ctrl-C ends open streams, finishes requests, and stops.',
  )
  const flagsOf = argv.includes('serve') ? await withSettings(command) : () => ({})
  command.action((raw: { readonly json?: true; readonly bare?: true }) => {
    const { json = false, bare = false } = raw
    submit('serve', { flags: flagsOf({ ...raw }), json, bare } satisfies Serve, run)
  })
}

async function run(job: Serve, context: Context): Promise<unknown> {
  const { serve } = await import('../serve/serve.js')
  return serve(job, context)
}
