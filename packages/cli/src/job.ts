import type { Command } from 'commander'
import type { Context } from './context.js'

/** What was asked for, as a value: a command's name, its options parsed, and how to do it. */
export interface Job<T = unknown> {
  readonly name: string
  readonly options: T
  /** Resolves with the exit status when it is a number, and with success otherwise. @throws what `tell` can put into words. */
  run(context: Context): Promise<unknown>
}

/** How a command hands over what it has parsed. */
export type Submit = <T>(name: string, options: T, run: (options: T, context: Context) => Promise<unknown>) => void

/** Adds one command, or a group of them, to the program. */
export type Define = (program: Command, submit: Submit) => void
