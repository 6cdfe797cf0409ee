/**
 * Order statistics of timings. On a shared machine the median of interleaved runs is what two engines can be compared
 * by; the least shows what the machine allows when nobody disturbs.
 */

/** The middle value; the mean of the two middle ones for an even count. @throws {RangeError} for no values. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of no values does not exist')
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** (largest − least) / median: how much the machine was disturbed. */
export const spread = (values: readonly number[]): number =>
  (Math.max(...values) - Math.min(...values)) / median(values)
