import type { Palette } from '../render/palette.js'

/** Why programs on this machine do not take the server's certificate. */
export interface Distrust {
  /** In words that follow "its certificate". */
  readonly what: string
  readonly advice: string
  /** The file to trust, when it is enough: a certificate that signs for itself. */
  readonly file: string | undefined
}

/** What a first start has to say. */
export interface FirstStart {
  readonly url: string
  readonly workspaceId: string
  readonly workspaceSlug: string
  readonly apiKey: string
  /** The admin key, when it was made now; undefined when it was given. */
  readonly adminKey: string | undefined
  /** Where credentials were put. */
  readonly credentials: string
  /** The folder that events are kept in. */
  readonly storage: string
  readonly distrust: Distrust | undefined
  /** How this program is called from here: `switchboard`, or `npx switchboard` inside a checkout. */
  readonly command: string
}

/** A short welcome that says what there is now and what to do next. Ends with a line break. */
export function welcome(first: FirstStart, colours: Palette): string {
  const { url, command, distrust } = first
  const rows: (readonly [string, string])[] = [
    ['Server', url],
    ['Console', `${url}/console/`],
    ['Reference', `${url}/docs`],
    ['Workspace', `${first.workspaceSlug} ${colours.faint(first.workspaceId)}`],
    ['Events', first.storage],
    ['Credentials', `${first.credentials} ${colours.faint('(yours alone; commands use it)')}`],
  ]
  if (first.adminKey !== undefined) {
    rows.push([
      'Admin key',
      `${colours.strong(first.adminKey)} ${colours.faint('(may do everything; printed this once)')}`,
    ])
  }
  const file = distrust?.file
  const next: (readonly [string, string])[] = [
    ...(file === undefined ? [] : [[`export NODE_EXTRA_CA_CERTS=${file}`, 'trust its certificate'] as const]),
    [`${command} tail`, 'watch the workspace'],
    [`${command} simulate`, 'fill it with made-up calls, surfaces and operators'],
  ]
  const width = Math.max(...next.map(([typed]) => typed.length))
  const curl = `curl -N${file === undefined ? '' : ` --cacert ${file}`} -H 'Authorization: Bearer ${first.apiKey}' ${url}/v1/${first.workspaceId}/events/stream`
  return [
    '',
    colours.strong('Welcome to Switchboard. This is its first start here, so a workspace and its keys were made.'),
    '',
    ...rows.map(([name, value]) => `  ${colours.faint(name.padEnd(11))}  ${value}`),
    '',
    ...(distrust === undefined || file !== undefined ? [] : [distrustLines(distrust, colours)]),
    'In another terminal:',
    '',
    ...next.map(([typed, meaning]) => `  ${colours.code(typed.padEnd(width))}  ${colours.faint(meaning)}`),
    `  ${colours.code(curl)}`,
    '',
    '',
  ].join('\n')
}

/** The line of every later start. */
export function startedLine(url: string, storage: string, colours: Palette): string {
  return `${colours.strong('Switchboard')} at ${colours.code(url)} ${colours.faint(`· console ${url}/console/ · reference ${url}/docs · events in ${storage}`)}\n`
}

/** What to do before programs on this machine can talk to the server. */
export function distrustLines({ what, advice, file }: Distrust, colours: Palette): string {
  const how = file === undefined ? advice : `export NODE_EXTRA_CA_CERTS=${file}`
  return `${colours.warning(`Its certificate ${what}.`)}\n  ${how}\n`
}

/** The admin key at the start that made it, when that start found a workspace there already. */
export function keptLine(adminKey: string, colours: Palette): string {
  return `  ${colours.faint('Admin key')}  ${colours.strong(adminKey)} ${colours.faint('(may do everything; printed this once)')}\n`
}

/** What to say when nothing is known of the keys of a server that has some. */
export function strangerLines(credentials: string, colours: Palette): string {
  return [
    colours.warning('This data was set up by another user, or from another home folder:'),
    `  its keys are not in ${credentials}.`,
    '  Copy that file from there, or give a key with SWITCHBOARD_API_KEY and SWITCHBOARD_WORKSPACE.',
    '  When all keys are lost: start once with SWITCHBOARD_ADMIN_KEY set to a new admin key of 32 characters or more.',
    '',
  ].join('\n')
}
