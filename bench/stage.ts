import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export interface StageOptions {
  /** Where the folders of servers go: the disk that is measured. */
  readonly dir: string
  /** How often each measurement is repeated; medians are told. */
  readonly rounds: number
  /** Hears what is going on. */
  say(line: string): void
}

/** What a case stands on: folders, and an end for everything that it starts. */
export class Stage {
  readonly rounds: number
  readonly say: (line: string) => void
  readonly folder: string
  private readonly ends: (() => Promise<unknown> | unknown)[] = []
  private count = 0

  constructor({ dir, rounds, say }: StageOptions) {
    this.rounds = rounds
    this.say = say
    this.folder = mkdtempSync(join(dir, 'switchboard-bench-'))
  }

  /** A folder that is empty. */
  newFolder(name: string): string {
    const path = join(this.folder, `${++this.count}-${name}`)
    mkdirSync(path)
    return path
  }

  /** Has something ended with the case, before what was started earlier. */
  onEnd(end: () => Promise<unknown> | unknown): void {
    this.ends.push(end)
  }

  async end(): Promise<void> {
    for (const end of this.ends.splice(0).reverse()) await end()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
