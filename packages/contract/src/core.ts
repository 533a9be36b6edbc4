/**
 * What is said about everything, without the catalogue and its schemas: failures, limits, permissions, positions. For
 * programs that start often, as the command line does: it loads ten times faster than the whole contract.
 */
export * from './api/audit-actions.js'
export * from './api/failures.js'
export * from './api/limits.js'
export * from './api/permissions.js'
export * from './audit-chain.js'
export * from './catalogue/masked-text.js'
export * from './finding.js'
export * from './position.js'
