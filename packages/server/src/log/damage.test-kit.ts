import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'

/** Flips a bit in each copy of a text that a file holds. */
export function flipAll(path: string, text: string): void {
  const bytes = readFileSync(path)
  const file = openSync(path, 'r+')
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    writeSync(file, Buffer.from([(bytes[at + 2] as number) ^ 4]), 0, 1, at + 2)
  }
  closeSync(file)
}
