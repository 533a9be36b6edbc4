const KiB = 1024

/** `740 KiB`, `12 MiB`, `3.4 GiB`. */
export function size(bytes: number): string {
  if (bytes < KiB ** 2) return `${Math.ceil(bytes / KiB)} KiB`
  if (bytes < KiB ** 3) return `${Math.round(bytes / KiB ** 2)} MiB`
  const value = bytes / KiB ** 3
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} GiB`
}
