// Half of `npm run pictures`: takes the pictures of the console in README and docs from the real thing: a server
// of its own, the simulator in the middle of its story, and Chromium.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'
import { build } from './build.mjs'
import { root } from './install.mjs'

/** How long the story runs before somebody looks: by then people have been asked for, and have come. */
const SECONDS = 45
const PORT = '18417'

build()
const home = mkdtempSync(join(tmpdir(), 'switchboard-pictures-'))
const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: join(home, '.config'), PORT, NO_COLOR: '1' }
const bin = `${root}packages/cli/bin/switchboard.js`
const start = (args, stdout) =>
  spawn(process.execPath, [bin, ...args], { env, cwd: home, stdio: ['ignore', stdout, 'ignore'] })
const server = start(['serve', '--json'], 'pipe')
const { first_start } = await new Promise((resolve) => {
  createInterface({ input: server.stdout }).on('line', (line) => {
    if (line.includes('first_start')) resolve(JSON.parse(line))
  })
})
const story = ['simulate', '--seed', '12', '--calls-per-minute', '30', '--speed', '2', '--duration', '5m']
const simulator = start(story, 'ignore')
await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000))

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium' })
const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1.5 })
await page.goto(`${first_start.url}/console/`)
await page.fill('[name=key]', first_start.admin_key)
await page.click('text=Sign in')
await page.locator('.call').first().waitFor()
mkdirSync(`${root}docs/images`, { recursive: true })
const take = async (name, path) => {
  if (path) await page.click(path)
  await page.locator('.skeleton').waitFor({ state: 'detached' })
  // Let what has just come be drawn.
  await page.waitForTimeout(800)
  await page.screenshot({ path: `${root}docs/images/console-${name}.png` })
}
await take('calls')
await take('live', 'nav >> text=Live')
await take('surfaces', 'nav >> text=Surfaces')
await take('pipelines', 'nav >> text=Pipelines')
await page.click('nav >> text=Calls')
await page.click('[aria-label="Use dark colours"]')
// One on which a person speaks, if there is one: what the page is there to show.
const spoken = page.locator('[aria-label=Live] .call:has-text("speaks") a').first()
const any = page.locator('[aria-label=Live] .call a, [aria-label=Ended] .call a').first()
await ((await spoken.count()) > 0 ? spoken : any).click()
await page.locator('.turn').first().waitFor()
await take('call')
await browser.close()
for (const child of [simulator, server]) {
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}
rmSync(home, { recursive: true, force: true })
