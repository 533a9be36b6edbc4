// Half of `npm run pictures`: takes the picture of a terminal in docs from the real thing: a server, the simulator, and the
// command line's own coloured output, drawn by Chromium.
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { build } from './build.mjs'
import { root } from './install.mjs'

const SECONDS = 24
const ROWS = 22
const COLUMNS = 120

build()
// In a terminal of its own (`script` of util-linux makes one): a pipe would show whole ids, which no person sees.
const command = `stty cols ${COLUMNS} && exec '${process.execPath}' '${root}scripts/demo.mjs' 2> /dev/null`
const demo = spawn('script', ['-qec', command, '/dev/null'], {
  env: { ...process.env, TERM: 'xterm-256color', SWITCHBOARD_DEMO_SECONDS: String(SECONDS) },
  stdio: ['ignore', 'pipe', 'ignore'],
})
let text = ''
demo.stdout.on('data', (bytes) => {
  text += bytes
})
await new Promise((resolve) => demo.on('exit', resolve))

const colours = {
  31: '#f87171',
  32: '#86c98e',
  33: '#fbbf24',
  34: '#7fb4f5',
  35: '#c9a3f0',
  36: '#6fd0d0',
  90: '#8b949e',
}
const escaped = (plain) => plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
/** Terminal colours as HTML. */
function drawn(line) {
  let open = 0
  const html = line.split(/(\u001b\[[0-9;]*m)/).map((part) => {
    const code = /^\u001b\[([0-9;]*)m$/.exec(part)?.[1]
    if (code === undefined) return escaped(part)
    if (['0', '22', '39', ''].includes(code)) return open-- > 0 ? '</span>' : ''
    open++
    if (code === '1') return '<span style="font-weight:700">'
    if (code === '2') return '<span style="color:#8b949e">'
    return `<span style="color:${colours[code] ?? 'inherit'}">`
  })
  return html.join('') + '</span>'.repeat(Math.max(0, open))
}

const lines = text.replaceAll('\r', '').trimEnd().split('\n')
// A stretch that holds an escalation: what the picture is there to show.
const escalated = lines.findIndex((line, index) => index > ROWS && line.includes('call.escalated'))
const from = Math.max(0, Math.min(lines.length - ROWS, (escalated === -1 ? lines.length : escalated) - ROWS / 2))
const rows = ['<b>$</b> npx switchboard tail', ...lines.slice(from, from + ROWS).map(drawn)]
const html = `<!doctype html><meta charset="utf-8"><style>
  body { margin: 0; background: #14171a; color: #e6e8ea; font: 13px/1.5 "DejaVu Sans Mono", monospace; display: inline-block }
  pre { margin: 0; padding: 18px 22px; width: 1000px; overflow: hidden }
</style><pre>${rows.join('\n')}</pre>`

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium' })
const page = await browser.newPage({ deviceScaleFactor: 1.5 })
await page.setContent(html)
mkdirSync(`${root}docs/images`, { recursive: true })
await page.locator('pre').screenshot({ path: `${root}docs/images/tail.png` })
await browser.close()
