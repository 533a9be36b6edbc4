import { buildAsyncApi, buildOpenApi, type Catalogue, type Readiness } from '@switchboard/contract'
import type { Handlers } from './route-types.js'

/** How the process is, as operations asks. */
export interface Wellbeing {
  /** Whether it can take traffic, and why not. */
  readiness(): Readiness
  /** The metrics in the Prometheus text format, and that format's content type. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
}

export interface ServedDeps extends Wellbeing {
  readonly catalogue: Catalogue
  readonly version: string
  /** Where the API is served, when the deployment says so. */
  readonly publicUrl?: string | undefined
}

type ServedRoutes = 'getHealth' | 'getReadiness' | 'getMetrics' | 'getOpenApi' | 'getAsyncApi'

/** What is served to everybody: how the process is, and what it speaks. */
export function servedHandlers(deps: ServedDeps): Handlers<ServedRoutes> {
  const options = { version: deps.version, ...(deps.publicUrl !== undefined && { serverUrl: deps.publicUrl }) }
  // The catalogue never changes while the server runs, and so the documents do not either.
  const openApi = once(() => JSON.stringify(buildOpenApi(deps.catalogue, options)))
  const asyncApi = once(() => JSON.stringify(buildAsyncApi(deps.catalogue, options)))
  return {
    getHealth: async () => ({ status: 'ok', version: deps.version }),

    async getReadiness({ reply }) {
      const readiness = deps.readiness()
      if (readiness.status !== 'ready') reply.code(503)
      return readiness
    },

    async getMetrics({ reply }) {
      const { contentType, text } = await deps.metrics()
      reply.type(contentType)
      return text
    },

    async getOpenApi({ reply }) {
      reply.type('application/json; charset=utf-8')
      return openApi()
    },

    async getAsyncApi({ reply }) {
      reply.type('application/json; charset=utf-8')
      return asyncApi()
    },
  }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}
