import { type Bar, shown } from './case.js'

const WIDTH = 760
const LABEL_WIDTH = 110
const BAR_WIDTH = 470
const BAR_HEIGHT = 16
const BAR_STEP = 20
const HEAD_HEIGHT = 24
const GROUP_GAP = 14
const TITLE_HEIGHT = 26
const TEXT_DROP = 12
const TEXT_GAP = 6
const OURS = 'Switchboard'

/** What it looks like; dark where the page that shows it is. */
const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 14px }
.group { font-weight: 600 }
.bar { fill: #8c959f }
.ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .bar { fill: #6e7681 }
  .ours { fill: #58a6ff }
}`

/**
 * Horizontal bars as an SVG: a group for each measurement, each with a scale of its own, for one of them may be a hundred
 * times another.
 */
export function chartText(title: string, bars: readonly Bar[]): string {
  const groups = [...new Set(bars.map(({ group }) => group))]
  const parts: string[] = [text(0, TEXT_DROP, title, 'title')]
  let top = TITLE_HEIGHT
  for (const group of groups) {
    const some = bars.filter((bar) => bar.group === group)
    const most = Math.max(...some.map(({ value }) => value))
    parts.push(text(0, top + TEXT_DROP, group, 'group'))
    top += HEAD_HEIGHT
    for (const { name, value } of some) {
      const width = most > 0 ? Math.round((value / most) * BAR_WIDTH) : 0
      parts.push(
        text(LABEL_WIDTH - TEXT_GAP, top + TEXT_DROP, name, 'name'),
        `<rect class="bar${name === OURS ? ' ours' : ''}" x="${LABEL_WIDTH}" y="${top}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>`,
        text(LABEL_WIDTH + width + TEXT_GAP, top + TEXT_DROP, valueText(value, some), 'value'),
      )
      top += BAR_STEP
    }
    top += GROUP_GAP
  }
  const box = `width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}"`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${box} role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}\n.name { text-anchor: end }\n</style>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}

function valueText(value: number, group: readonly Bar[]): string {
  const nchan = group.find(({ name }) => name === 'nchan')?.value
  const isOther = nchan !== undefined && nchan > 0 && nchan !== value
  return isOther ? `${shown(value)} (${shown(value / nchan)} × nchan)` : shown(value)
}

function text(x: number, y: number, content: string, className: string): string {
  return `<text class="${className}" x="${x}" y="${y}">${escaped(content)}</text>`
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
