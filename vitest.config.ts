import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const conditions = ['@switchboard/source', 'module', 'node', 'import', 'default']

/**
 * What starts processes takes longest, and the simulation: begun first, so that no worker is left with a long file at the
 * end.
 */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const takesLong = ({ moduleId }: TestSpecification): boolean =>
      /\/e2e\/|\/examples\.|\/nats\/|\/workers\/served|\/crash\.|\/simulation\./.test(moduleId)
    return [...sorted.filter(takesLong), ...sorted.filter((file) => !takesLong(file))]
  }
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'tests/**/*.test.ts', 'bench/**/*.test.ts'],
    pool: 'forks',
    sequence: { sequencer: LongFirst },
    // Vitest leaves a core to itself. Most tests wait for other processes, elections and clocks: three find room on two cores.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
