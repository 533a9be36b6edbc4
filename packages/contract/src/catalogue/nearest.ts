/** Longest name that is compared: a typing mistake is not longer than this, and the work grows with its square. */
const NAME_CHARS_MAX = 64

/**
 * The name that somebody who wrote `wrong` most likely meant, or undefined when none is near. Case and the signs
 * between words count for little: `CallStarted` and `call-started` are near to `call.started`.
 */
export function nearestName(names: readonly string[], wrong: string): string | undefined {
  if (wrong.length === 0 || wrong.length > NAME_CHARS_MAX) return undefined
  const asked = plain(wrong)
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const name of names) {
    const distance = distanceBetween(asked, plain(name))
    if (distance < bestDistance) {
      best = name
      bestDistance = distance
    }
  }
  // More than a third of the letters wrong is another word, not a mistake.
  if (bestDistance <= Math.max(2, Math.floor(asked.length / 3))) return best
  return uniqueEnding(names, asked)
}

/** The only name that ends in what was asked: `started` without its family. */
function uniqueEnding(names: readonly string[], asked: string): string | undefined {
  if (asked.length < 4) return undefined
  const endings = names.filter((name) => plain(name).endsWith(asked))
  return endings.length === 1 ? endings[0] : undefined
}

/** Small letters and digits, every run of other signs as one dot. */
function plain(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1.$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '.')
}

/** How many letters must be added, dropped, changed or swapped with their neighbour to make `b` of `a`. */
function distanceBetween(a: string, b: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1]
      let cost = Math.min(
        at(previous, column) + 1,
        at(current, column - 1) + 1,
        at(previous, column - 1) + (same ? 0 : 1),
      )
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped) cost = Math.min(cost, at(beforePrevious, column - 2) + 1)
      current.push(cost)
    }
    beforePrevious = previous
    previous = current
  }
  return at(previous, b.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}
