// What is generated, from the repository's root.
export const openApiPath = 'spec/openapi.json'
export const asyncApiPath = 'spec/asyncapi.json'
export const eventsPagePath = 'docs/reference/events.md'
export const failuresPagePath = 'docs/reference/failures.md'
export const configurationPagePath = 'docs/reference/configuration.md'
export const metricsPagePath = 'docs/reference/metrics.md'
export const sdkFolder = 'packages/sdk/src/generated'
export const knownTypesPath = `${sdkFolder}/known.gen.ts`
