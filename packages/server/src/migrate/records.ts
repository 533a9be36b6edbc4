import type { Log, ProjectedRecord } from '../log/log.js'
import { projections } from '../state/projections.js'

const PAGE = 500

/** The records of a projection, in the order of their keys. */
export async function* recordsOf(log: Log, workspace: string, projection: string): AsyncGenerator<ProjectedRecord> {
  for (let afterKey: string | undefined, hasMore = true; hasMore; ) {
    const page = await log.records(workspace, projection, { limit: PAGE, ...(afterKey !== undefined && { afterKey }) })
    yield* page.items
    afterKey = page.items[page.items.length - 1]?.key ?? afterKey
    hasMore = page.hasMore && page.items.length > 0
  }
}

/** How a record of the source stands to the target. */
export interface RecordDifference extends Pick<ProjectedRecord, 'key'> {
  readonly projection: string
  /** As the source has it; undefined when it has none. */
  readonly record: ProjectedRecord['record'] | undefined
}

/** Records that are not the same on both sides. */
export async function* recordDifferences(
  source: Log,
  target: Log,
  workspace: string,
): AsyncGenerator<RecordDifference> {
  for (const { name: projection } of projections) {
    for await (const { key, record } of recordsOf(source, workspace, projection)) {
      const there = await target.record(workspace, projection, key)
      if (there === undefined || JSON.stringify(there.record) !== JSON.stringify(record))
        yield { projection, key, record }
    }
    for await (const { key } of recordsOf(target, workspace, projection)) {
      if (!(await source.record(workspace, projection, key))) yield { projection, key, record: undefined }
    }
  }
}
