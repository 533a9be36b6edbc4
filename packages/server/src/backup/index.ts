export { type BackedUp, type BackupOptions, backUp } from './backup.js'
export { checkBackup } from './check.js'
export type { Manifest } from './manifest.js'
export { type RestoreOptions, restore } from './restore.js'
