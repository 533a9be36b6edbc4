export * from './failures.js'
export * from './limits.js'
export * from './permissions.js'
