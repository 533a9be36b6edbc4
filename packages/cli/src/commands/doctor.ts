import type { Finding } from '@switchboard/contract/core'
import { failures } from '@switchboard/contract/core'
import type { Command } from 'commander'
import { type Context, say } from '../context.js'
import { certificateFileFindings, servedCertificate, TLS_SETTINGS } from '../doctor/certificate.js'
import { dataFolder, logFile, machineFindings } from '../doctor/machine.js'
import { NATS_SETTINGS, natsFindings } from '../doctor/nats.js'
import { roundTrip } from '../doctor/round-trip.js'
import { credentials, reachable } from '../doctor/server.js'
import type { Submit } from '../job.js'
import { withExamples } from '../parse/examples.js'
import { type SettingFlags, withSettings } from '../parse/setting-options.js'
import { targetOf, withTarget } from '../parse/target-options.js'
import { type Palette, palette } from '../render/palette.js'
import { findTarget, type TargetOptions } from '../target.js'

interface Doctor {
  readonly target: TargetOptions
  readonly roundTrip: boolean
  readonly json: boolean
  /** Settings of a server, to look at its certificate and its NATS servers. */
  readonly settings: SettingFlags
}

interface Raw extends TargetOptions {
  readonly roundTrip?: true
  readonly json?: true
}

export async function defineDoctor(program: Command, submit: Submit, argv: readonly string[]): Promise<void> {
  const command = program
    .command('doctor')
    .description('check the server, its certificate, the key, NATS and this machine, and say what to do')
    .option('--round-trip', 'also publish events and measure how long they take to come back')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExit status: 0 when nothing fails (warnings are no failures), 75 when something does.')
  withExamples(withTarget(command), [
    ['switchboard doctor', 'check everything'],
    ['switchboard doctor --tls-cert server.crt --tls-key server.key', 'and the certificate that it is to serve with'],
    ['switchboard doctor --nats-url nats://10.0.0.1:4222', 'and the NATS servers of a cluster'],
    ['switchboard doctor --round-trip', 'and how fast events travel (leaves a few trigger.fired events)'],
  ])
  const settingsOf = argv.includes('doctor')
    ? await withSettings(command, [...TLS_SETTINGS, ...NATS_SETTINGS])
    : () => ({})
  command.action((raw: Raw) =>
    submit(
      'doctor',
      {
        target: targetOf(raw),
        roundTrip: raw.roundTrip ?? false,
        json: raw.json ?? false,
        settings: settingsOf({ ...raw }),
      } satisfies Doctor,
      run,
    ),
  )
}

async function run({ target: options, roundTrip: travels, json, settings }: Doctor, context: Context): Promise<number> {
  const target = await findTarget(options, context)
  const colours = palette(context.stdout.colour)
  let failed = 0
  const show = async (findings: readonly Finding[]): Promise<void> => {
    for (const finding of findings) {
      if (finding.verdict === 'fail') failed++
      await context.stdout.write(json ? `${JSON.stringify(finding)}\n` : findingLines(finding, colours))
    }
  }
  const server = await reachable(target, context)
  await show(server)
  await show(await servedCertificate(target.url.value, context.now()))
  const answers = server[0]?.verdict === 'ok'
  if (answers) await show(await credentials(target, context))
  if (answers && failed === 0 && travels) await show(await roundTrip(target, context))
  const folder = target.held.data_dir
  if (folder !== undefined) await show(await dataFolder(folder))
  if (folder !== undefined && !answers) await show(await logFile(folder))
  await show(await certificateFileFindings(settings, context.env, context.now()))
  await show(await natsFindings(settings, context.env))
  await show(await machineFindings())
  if (!json) {
    const summary = failed === 0 ? colours.good('Nothing fails.') : colours.bad(`${failed} of these must be put right.`)
    await say(context.stdout, `\n${summary}`)
  }
  return failed === 0 ? 0 : failures.unavailable.exit
}

export function findingLines({ name, verdict, detail, advice }: Finding, colours: Palette): string {
  const mark = { ok: colours.good('ok  '), warn: colours.warning('warn'), fail: colours.bad('fail') }[verdict]
  const line = `${mark}  ${name.padEnd(22)}  ${detail}\n`
  return advice === undefined || advice === '' ? line : `${line}${' '.repeat(30)}${colours.faint('→')} ${advice}\n`
}
