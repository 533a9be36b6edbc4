import { Gathered } from './gathered.js'

/** One line of newline-delimited JSON. */
export interface Line {
  /** Counts from 1, blank lines included, as editors count. */
  readonly number: number
  readonly bytes: Buffer
}

const LINE_FEED = 0x0a

/**
 * Splits a body into lines as it arrives: for each chunk, the lines that it completes, so that what came together can be
 * appended together. Blank lines are left out but counted. A last line needs no line feed.
 */
export async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly Line[]> {
  let number = 0
  // A line that is not complete yet.
  let begun = new Gathered()
  for await (const chunk of chunks) {
    const lines: Line[] = []
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      begun.add(chunk.subarray(start, end))
      number++
      const bytes = begun.whole()
      if (!isBlank(bytes)) lines.push({ number, bytes })
      begun = new Gathered()
      start = end + 1
    }
    if (start < chunk.length) begun.add(chunk.subarray(start))
    if (lines.length > 0) yield lines
  }
  const bytes = begun.whole()
  if (!isBlank(bytes)) yield [{ number: number + 1, bytes }]
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)
}
