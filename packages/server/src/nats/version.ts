/** From here on servers can be told to sync before they acknowledge. */
export const SYNC_SETTING_VERSION = '2.10'
/** From here on they give several messages for one request. */
export const BATCH_GET_VERSION = '2.11'

/** True when a version is this one or a later one: `2.10.0-RC.1` counts as 2.10. */
export function isAtLeast(version: string, least: string): boolean {
  const [have, want] = [numbersOf(version), numbersOf(least)]
  for (const [index, number] of want.entries()) {
    const difference = (have[index] ?? 0) - number
    if (difference !== 0) return difference > 0
  }
  return true
}

function numbersOf(version: string): number[] {
  return (/^v?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? '0').split('.').map(Number)
}
