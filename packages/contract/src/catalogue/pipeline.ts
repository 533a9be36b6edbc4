import type { EventDefinition } from './define.js'
import { count, id, text, wholeMilliseconds } from './fields.js'

const dataSourceId = id('The data source that is polled.')
const SOURCE = 'c4b7a1d8-6e25-4f90-8a3c-d19e0f7b6a05'

/** The polling of outside systems. */
export const pipelineEvents: readonly EventDefinition[] = [
  {
    channel: 'workspace',
    type: 'pipeline.sync_completed',
    title: 'Pipeline sync completed',
    meaning: 'A data source was polled, and it went well, even when there was nothing new.',
    fields: {
      data_source_id: dataSourceId,
      event_count: count('How many records were taken over.'),
      duration_ms: wholeMilliseconds('How long it took.'),
    },
    example: {
      event_type: 'pipeline.sync_completed',
      data_source_id: SOURCE,
      event_count: 184,
      duration_ms: 12740,
    },
  },
  {
    channel: 'workspace',
    type: 'pipeline.error',
    title: 'Pipeline error',
    meaning: 'A data source was polled, and it failed.',
    fields: { data_source_id: dataSourceId, error: text('What went wrong.') },
    example: {
      event_type: 'pipeline.error',
      data_source_id: SOURCE,
      error: 'GET /Patient: 503 after 3 tries',
    },
  },
]
