import type { Command } from 'commander'

/** An example of the help text: what to type, and what it does. */
export type Example = readonly [command: string, meaning: string]

/** Adds examples to the end of a command's help: they teach faster than the list of options. */
export function withExamples(command: Command, examples: readonly Example[]): Command {
  const width = Math.max(...examples.map(([typed]) => typed.length))
  const lines = examples.map(([typed, meaning]) =>
    // A long line would push the meaning off the screen; it goes below then.
    width > 52 ? `  $ ${typed}\n      ${meaning}` : `  $ ${typed.padEnd(width)}   ${meaning}`,
  )
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}\n`)
}
