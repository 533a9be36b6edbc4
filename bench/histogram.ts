/** Values below this have a bucket each; above it, each power of two has as many: the middle of one is 1/64 off at most. */
const BUCKETS_PER_OCTAVE = 32
const OCTAVE_BITS = 5
/** Values from here on share the last bucket: 2^31 µs are 36 minutes. */
const VALUE_BITS = 31
const BUCKETS = (VALUE_BITS - OCTAVE_BITS + 1) * BUCKETS_PER_OCTAVE

/** A histogram as it goes from one process to another: pairs of bucket and count, and the largest value. */
export interface HistogramText {
  readonly counts: readonly (readonly [number, number])[]
  readonly max: number
}

/**
 * Counts whole numbers, of microseconds say, in buckets that grow with the value, so that any of a million values is known
 * to 2%, and all of them take 7 kB.
 *
 *     value    0 1 2 … 31 │ 32 33 … 63 │ 64 66 … 126 │ 128 132 … 252 │ …
 */
export class Histogram {
  private readonly counts = new Float64Array(BUCKETS)
  private most = 0

  /** @param value Below 0 counts as 0. */
  add(value: number): void {
    const whole = value > 0 ? Math.min(Math.floor(value), 2 ** VALUE_BITS - 1) : 0
    if (value > this.most) this.most = value
    const bucket = bucketOf(whole)
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
  }

  merge({ counts, max }: HistogramText): void {
    for (const [bucket, count] of counts) this.counts[bucket] = (this.counts[bucket] ?? 0) + count
    this.most = Math.max(this.most, max)
  }

  get count(): number {
    return this.counts.reduce((sum, each) => sum + each, 0)
  }

  /** Exact. 0 when there are none. */
  get max(): number {
    return this.most
  }

  /**
   * The middle of the bucket in which the value lies that so large a part of all are not above. NaN when there are none.
   * @param part 0.99 for the 99th of a hundred.
   */
  quantile(part: number): number {
    const rank = Math.max(1, Math.ceil(this.count * part))
    let passed = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      passed += this.counts[bucket] ?? 0
      if (passed >= rank) return Math.min(middleOf(bucket), this.most)
    }
    return Number.NaN
  }

  toJSON(): HistogramText {
    const counts: [number, number][] = []
    this.counts.forEach((count, bucket) => {
      if (count > 0) counts.push([bucket, count])
    })
    return { counts, max: this.most }
  }

  clear(): void {
    this.counts.fill(0)
    this.most = 0
  }
}

function bucketOf(value: number): number {
  if (value < BUCKETS_PER_OCTAVE) return value
  const shift = VALUE_BITS - Math.clz32(value) - OCTAVE_BITS
  return shift * BUCKETS_PER_OCTAVE + (value >>> shift)
}

function middleOf(bucket: number): number {
  if (bucket < 2 * BUCKETS_PER_OCTAVE) return bucket
  const shift = Math.floor(bucket / BUCKETS_PER_OCTAVE) - 1
  const least = (bucket - shift * BUCKETS_PER_OCTAVE) * 2 ** shift
  return least + (2 ** shift - 1) / 2
}
