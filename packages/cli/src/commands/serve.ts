import type { Command } from 'commander'
import type { Define, Submit } from '../job.js'
export const defineServe = async (_program: Command, _submit: Submit, _argv: readonly string[]): Promise<void> => {}
export type { Define }
