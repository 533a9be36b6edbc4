import type { Output } from '../context.js'

const CLEAR_LINE = '\r\u001b[2K'

/** Writes lines to a terminal with one unfinished line below them that is overwritten in place. */
export class LiveOutput {
  private shown = false

  constructor(private readonly output: Output) {}

  async write(lines: readonly string[], live: string | undefined): Promise<void> {
    // A file or a pipe cannot be overwritten: there only what stays is written.
    const next = this.output.isTTY ? live : undefined
    if (lines.length === 0 && next === undefined && !this.shown) return
    const clear = this.shown ? CLEAR_LINE : ''
    this.shown = next !== undefined
    await this.output.write(`${clear}${lines.map((line) => `${line}\n`).join('')}${next ?? ''}`)
  }
}
