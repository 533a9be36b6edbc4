import { buildAsyncApi, buildOpenApi, type Catalogue, type Readiness } from '@switchboard/contract'
import { perCatalogue } from './per-catalogue.js'
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
  /** True when this process itself speaks TLS. */
  readonly isSecure?: boolean
}

/** An AsyncAPI document must name a server, and nobody has said where this one is. */
const SECURE_PLACEHOLDER = 'https://localhost:8080'

type ServedRoutes = 'getHealth' | 'getReadiness' | 'getMetrics' | 'getOpenApi' | 'getAsyncApi'

/** What is served to everybody: how the process is, and what it speaks. */
export function servedHandlers(deps: ServedDeps): Handlers<ServedRoutes> {
  const { version, publicUrl, isSecure = false } = deps
  const options = { version, ...(publicUrl !== undefined && { serverUrl: publicUrl }) }
  const streamOptions = { ...(isSecure && { serverUrl: SECURE_PLACEHOLDER }), ...options }
  const openApi = perCatalogue(deps.catalogue, () => JSON.stringify(buildOpenApi(deps.catalogue, options)))
  const asyncApi = perCatalogue(deps.catalogue, () => JSON.stringify(buildAsyncApi(deps.catalogue, streamOptions)))
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
