/** Settings of the gateways of the target, and the folder that is moved from. */
export const MIGRATE_SETTINGS = [
  'dataDir',
  'natsUrl',
  'natsReplicas',
  'natsPartitions',
  'natsCredentials',
  'natsCa',
  'natsMonitor',
  'retentionMs',
  'sealingKey',
] as const
