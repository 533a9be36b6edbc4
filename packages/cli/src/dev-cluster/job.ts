/** How many NATS nodes there are: one may be lost, and the two others agree. */
export const NODES = 3

/** What was asked for. */
export interface DevCluster {
  readonly gateways: number
  readonly dataDir: string
  /** Of the first gateway; 0 for free ones. */
  readonly port: number
  /** Of the first node; 0 for free ones. */
  readonly natsPort: number
  /** Whether a power cut may take what was acknowledged. */
  readonly fast: boolean
  readonly json: boolean
}
