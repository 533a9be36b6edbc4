/** Samples at even distances, the oldest first. */
export type Series = number[]

const GROWTH_MAX = 0.1

export const RULE = `The first third is left out, for caches fill and pages are taken. Of the rest, something grows when the median of its
last half is above that of its first half by more than ${GROWTH_MAX * 100} % and by more than its usual coming and going.`

/** @param slack How much more is within its usual coming and going, in the unit of the samples. */
export function grows(series: Series, slack: number): { readonly isSo: boolean; readonly text: string } {
  const rest = series.slice(Math.ceil(series.length / 3))
  const middle = Math.floor(rest.length / 2)
  const [before, after] = [median(rest.slice(0, middle)), median(rest.slice(middle))]
  const isSo = after - before > slack && after > before * (1 + GROWTH_MAX)
  return { isSo, text: `${before.toFixed(1)} -> ${after.toFixed(1)} (of ${rest.length} samples)` }
}

function median(values: Series): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
